"""The cluster: the API server's watches turned into facts, and effects into API calls."""

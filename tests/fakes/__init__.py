"""Stand-ins for the outside worlds: the API server of a cluster, and what tests need of it."""

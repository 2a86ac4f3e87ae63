"""The contract of an API server: what it does, asserted of the embedded and of a real one alike."""

"""Addresses for Services, decided by the real core on a real API server."""

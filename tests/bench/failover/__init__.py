"""Faults at the holder of an address, and how long until another answers: two elections."""

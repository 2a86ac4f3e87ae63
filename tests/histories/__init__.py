"""Histories written once, and played both in the simulation and on real sockets."""

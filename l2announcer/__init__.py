"""Gives Kubernetes LoadBalancer Services an address and announces it on the local network."""

__version__ = "0.1.0"

"""The guide, step by step, on real sockets: `make demo`."""

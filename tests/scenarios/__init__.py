"""Histories of one node, told as facts and what comes of them."""

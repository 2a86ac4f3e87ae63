"""Tests of LB IPAM's decisions."""

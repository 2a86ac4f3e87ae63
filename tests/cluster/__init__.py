"""Tests against a real control plane: etcd and kube-apiserver, built from source once."""

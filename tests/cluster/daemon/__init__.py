"""Real daemons against a real kube-apiserver, with the rights that we ship, on real sockets."""

"""Our daemon and client-go's own elector as two nodes that share one Lease."""

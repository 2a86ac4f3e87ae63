"""What the daemon shows of itself over HTTP: health, metrics, status."""

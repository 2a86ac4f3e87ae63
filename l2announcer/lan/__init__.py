"""The network: links and frames turned into facts, and effects into frames."""

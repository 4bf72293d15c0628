"""One module for each protocol: what its octets mean."""

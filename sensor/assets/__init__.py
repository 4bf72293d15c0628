"""What becomes an asset, which endpoints are one, and what about it was otherwise before."""

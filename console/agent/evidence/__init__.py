"""The last packets on disk, and those of an alert cut out of them."""

"""The way to the console: HTTPS to one pinned certificate, again until it worked."""

"""From alerts to posture: store, API, web pages and the command line."""

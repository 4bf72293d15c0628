"""Sigma rules: from YAML to a checked `Rule`, with file, line and column in every error."""

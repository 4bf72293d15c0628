"""The sections of a baseline file: how each is written, read, compared and merged."""

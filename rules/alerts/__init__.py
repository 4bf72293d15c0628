"""Alerts: what matched, deduplicated, with evidence, in two languages."""

"""Matches rules against tables, and makes deduplicated alerts of what matched."""

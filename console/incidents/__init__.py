"""Incidents as the console shows them: made from the store's alerts, kept until the store changes."""

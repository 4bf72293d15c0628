"""Alerts on their way in: a repeat updates, one after closing opens anew, several sensors' same is one."""

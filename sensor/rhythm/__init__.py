"""When messages come: intervals, volume, and whether requests are answered; a bounded table of channels."""

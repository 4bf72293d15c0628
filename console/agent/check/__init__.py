"""What keeps a sensor from working, in plain words, and how to mend it."""

"""What happens in the plants: attacks and mishaps, and things that look like them and are harmless."""

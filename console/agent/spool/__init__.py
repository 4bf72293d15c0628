"""What waits for the console: on disk, bounded, alerts before all else."""

"""What a plant normally does: learned from behaviours, kept as a YAML file, asked about novelty."""

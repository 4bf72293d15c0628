"""What a sensor raises about itself: readings of its health in, conditions and alerts out."""

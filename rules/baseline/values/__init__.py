"""What the values of a plant normally are: learned per point, and what is far from it."""

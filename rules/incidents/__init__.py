"""Early warning: alerts that belong together, told as one story with what typically comes next."""

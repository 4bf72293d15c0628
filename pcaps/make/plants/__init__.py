"""The plants: which hosts there are, what they do, and what happens to them."""

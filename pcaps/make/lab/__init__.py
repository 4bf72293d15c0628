"""A small plant network inside network namespaces, recorded as a mirror port would see it."""

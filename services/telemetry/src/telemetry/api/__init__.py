"""The HTTP face: one module per resource; translates, decides nothing."""

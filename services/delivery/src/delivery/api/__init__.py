"""The HTTP face: one module per version and resource; translates, decides nothing."""

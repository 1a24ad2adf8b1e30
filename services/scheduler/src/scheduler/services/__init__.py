"""The use cases: load, decide, keep, tell."""

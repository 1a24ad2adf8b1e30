"""The scheduler: which drone carries which delivery."""

"""A service with a part that another standard rules."""

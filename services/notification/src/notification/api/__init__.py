"""The ways in: one module per resource, and `facts.py` for what is heard; they translate, and decide nothing."""

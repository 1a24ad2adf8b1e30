"""A small service without a database: what it knows is in its memory, behind steps that have an order."""

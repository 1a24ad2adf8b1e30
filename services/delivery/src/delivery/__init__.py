"""Deliveries: what travels, from where to where, by when, and how far it has come."""

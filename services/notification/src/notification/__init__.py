"""Keeps what was told to whom, once for each thing that happened."""

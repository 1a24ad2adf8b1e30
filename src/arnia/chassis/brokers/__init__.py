"""Message brokers: one port, and a file for each that implements it."""

"""Where notifications are kept: PostgreSQL, and memory for tests."""

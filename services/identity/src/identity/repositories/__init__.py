"""Where users, OAuth clients, keys and grants are kept: PostgreSQL, and memory for tests."""

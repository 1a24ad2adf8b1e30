"""Where drones and reservations are kept: PostgreSQL, and memory for tests."""

"""Where assignments are kept, and where drones are asked: PostgreSQL, the drone service, and memory for tests."""

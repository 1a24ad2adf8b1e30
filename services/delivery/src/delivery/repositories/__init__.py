"""Where deliveries are kept: one promise, kept by PostgreSQL and by a dictionary."""

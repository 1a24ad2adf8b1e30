"""The domain (values, the aggregate, its reservations, events and errors) and, apart from it, the tables."""

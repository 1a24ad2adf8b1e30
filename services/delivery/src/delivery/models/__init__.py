"""The domain (values, the aggregate, its events and errors) and, apart from it, the table."""

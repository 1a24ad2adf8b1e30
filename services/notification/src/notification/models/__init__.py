"""The domain of this service, and its table."""

"""The domain of this service, what it refuses, and its table."""

"""What crosses the border of the service, as clients see it."""

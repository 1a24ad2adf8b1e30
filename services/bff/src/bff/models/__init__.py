"""What other services own, as this one sees it."""

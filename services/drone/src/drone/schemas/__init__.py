"""What clients send and get, apart from the domain, so that either may change alone."""

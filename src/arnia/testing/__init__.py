"""Prove: fixtures on real servers, and the suites that any service, repository or port must pass."""

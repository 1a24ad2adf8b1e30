"""A small service that keeps every rule, so that each can be broken alone."""

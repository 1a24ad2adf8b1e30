"""The use cases: ask each service once, and put together what came back."""

"""The use cases: who may have which token, and what takes it back."""

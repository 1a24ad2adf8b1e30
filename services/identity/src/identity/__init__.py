"""The identity service: who somebody is, and what proves it to the others."""

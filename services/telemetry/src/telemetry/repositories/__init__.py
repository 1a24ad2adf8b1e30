"""Where positions are kept: what is asked of it, and PostgreSQL."""

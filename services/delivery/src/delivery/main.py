"""The delivery service: its name, its settings, its routers. Everything else is the chassis."""

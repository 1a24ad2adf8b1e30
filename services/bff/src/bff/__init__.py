"""The backends for frontends: what web and mobile clients are shown, composed of what other services own."""

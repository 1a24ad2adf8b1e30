"""The HTTP face: OAuth 2.0 and OpenID Connect, and the resources that operators manage; translates, decides nothing."""

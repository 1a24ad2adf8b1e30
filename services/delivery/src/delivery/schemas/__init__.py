"""What travels over HTTP: one module per version, built from the domain and never from a row."""

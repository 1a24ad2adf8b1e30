"""What travels over HTTP: one module per resource, built from the domain and never from a row."""

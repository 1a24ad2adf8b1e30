"""What travels over HTTP: one module per kind of client, two shapes of one view."""

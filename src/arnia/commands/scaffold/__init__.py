"""What `arnia new` writes: templates, the words that fill them, and the wheel that a new repository starts from."""

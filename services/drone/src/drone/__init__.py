"""The fleet: what each drone carries, where it is, and how much of it is already promised."""

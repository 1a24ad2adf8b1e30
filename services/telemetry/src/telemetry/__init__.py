"""Positions of drones, in numbers: taken in bulk, added up where they lie, handed out as streams."""

"""Arnia: headless microservice ecosystems in Python.

Import from the four doors: `arnia.ecosystem` (declare), `arnia.chassis.<noun>` (run),
`arnia.testing` (prove) and `arnia.commands` (operate).
"""

__version__ = "0.1.0"

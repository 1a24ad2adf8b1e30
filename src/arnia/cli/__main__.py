"""Lets `python -m arnia.cli` be the program where no script is installed."""

import sys

from arnia.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""Starts the whole suite on this machine: `python -m local`."""

import sys

from local.suite import main

if __name__ == "__main__":
    sys.exit(main())

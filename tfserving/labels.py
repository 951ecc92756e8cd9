"""Writes the label files that the consumer ships: `python -m tfserving.labels --out FILE`."""

import sys

from tfserving.models.labels import main

if __name__ == "__main__":
    sys.exit(main())

"""Writes a model as a SavedModel: `python -m tfserving.export NAME`; `--help` lists the options."""

import sys

from tfserving.models.export import main

if __name__ == "__main__":
    sys.exit(main())

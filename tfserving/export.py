"""Writes models as SavedModels: `python -m tfserving.export MODEL …`; `--help` lists the options."""

import sys

from tfserving.models.command import main

if __name__ == "__main__":
    sys.exit(main())

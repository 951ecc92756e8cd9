"""Generates the dashboards: `python -m monitoring`."""

import sys

from monitoring import dashboards


def main() -> int:
    """Write every dashboard and print the files' names."""
    for name, text in dashboards.as_files().items():
        path = dashboards.FOLDER / name
        path.write_text(text)
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

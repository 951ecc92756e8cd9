"""Writes the Helm chart: `python -m k8s.chart FOLDER`."""

import argparse
import shutil
import sys
from pathlib import Path

from k8s.chart import kustomizations, writer


def main() -> int:
    """Write the chart in place of an older one; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m k8s.chart", description=__doc__)
    parser.add_argument("folder", type=Path, help="of the chart")
    folder: Path = parser.parse_args().folder
    if folder.exists() and not (folder / "Chart.yaml").exists():
        parser.error(f"{folder} exists and is no chart")
    try:
        deployment = kustomizations.read()
    except kustomizations.CannotBuildError as exc:
        parser.exit(1, f"{parser.prog}: {exc}\n")
    shutil.rmtree(folder, ignore_errors=True)
    writer.write(deployment, folder)
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

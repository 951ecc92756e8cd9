"""The supply chain's commands: `python -m supply_chain notices`, `python -m supply_chain sbom IMAGE… [--folder F]`."""

import argparse
import sys
from pathlib import Path

from supply_chain import notices, sbom


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m supply_chain", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("notices", help="write the table of licences in NOTICES.md")
    bills = commands.add_parser("sbom", help="write a bill of materials (CycloneDX JSON) for each image")
    bills.add_argument("images", nargs="+", metavar="IMAGE")
    bills.add_argument("--folder", type=Path, default=Path("dist/sbom"))
    arguments = parser.parse_args()
    if arguments.command == "notices":
        notices.write()
        return 0
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.images:
        try:
            text = sbom.write(sbom.Image(name))
        except sbom.NoImageError as exc:
            sys.stderr.write(f"{parser.prog}: {exc}\n")
            return 1
        path = arguments.folder / f"{name.rpartition('/')[2].replace(':', '-')}.cdx.json"
        path.write_text(text)
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

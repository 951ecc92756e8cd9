"""Measures this suite beside its references: `python -m bench [--quick] [--only SCENARIO …]` (bench/README.md).

Prints what it does as it goes, writes bench/results/, and updates the README's table. `--quick` measures the ratios
that bench/bounds.toml bounds, and fails if one is above its bound in each of three attempts.
"""

import argparse
import sys
import time

from bench import machine, report, results
from bench.full import SCENARIOS, run
from bench.quick import quick


def main() -> int:
    """Measure; return the exit status."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--quick", action="store_true", help="compare the ratios with bench/bounds.toml; for CI")
    arguments.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), metavar="SCENARIO")
    arguments.add_argument("--scale", type=float, default=1.0, help="of all durations; less than 1 only to try it")
    options = arguments.parse_args()
    began = time.monotonic()
    if options.quick:
        return quick(say)
    found = results.Results(machine.described())
    complete = run(found, options.only, options.scale, say)
    if options.only == list(SCENARIOS):
        report.publish(found)
    else:
        say(report.markdown(found))
    say(f"took {(time.monotonic() - began) / 60:.1f} minutes")
    return 0 if complete else 1


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())

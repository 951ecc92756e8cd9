"""The fault table: the faults that tests declare with `pytest.mark.fault`, and what their runs recorded.

`docs/faults.md` is written out of both by `make fault-table`. A run appends to `artefacts/faults.jsonl`; `--check`
checks that the run recorded every declared fault.
"""

import argparse
import ast
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
DOCUMENT = ROOT / "docs" / "faults.md"
SIGHTINGS = ROOT / "artefacts" / "faults.jsonl"
BEGIN, END = "<!-- faults: written by `make fault-table` -->", "<!-- faults end -->"
PROMISED_S = 5.0
NOT_YET = "not seen yet"
AREAS = {
    "producer": "Cameras",
    "kafka": "Bus",
    "consumer": "Models",
    "tfserving": "The stand-in model server",
    "end_to_end": "Models and the whole",
    "shared": "Records and processes",
    "video": "Viewers",
    "browser": "The page",
    "images": "Containers",
    "compose": "Containers with compose",
    "cluster": "Kubernetes",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that a test causes: its name, what must happen, and the folder of the test."""

    name: str
    expects: str
    area: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a run recorded of a fault; seconds from its end to the recovery, None if there is none."""

    fault: str
    seen: str
    seconds: float | None


class Undeclared(ValueError):
    """A mark that cannot be read, or a name that is used twice; the message says where."""


def declared(tests: Path = TESTS) -> list[Fault]:
    """Return the faults of all tests, in the order of areas, files and lines.

    Raises:
        Undeclared: a mark whose words are neither literals nor constants of the module, or two faults with one name.
    """
    faults: dict[str, Fault] = {}
    for area in AREAS:
        for path in sorted((tests / area).rglob("test_*.py")):
            for fault in _marks(path, area):
                if fault.name in faults:
                    raise Undeclared(f"{path}: the fault {fault.name!r} stands twice")
                faults[fault.name] = fault
    return list(faults.values())


def sightings(path: Path) -> dict[str, Sighting]:
    """Return the newest sighting of each fault in a run's file; empty if there is none."""
    if not path.exists():
        return {}
    found = (Sighting(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())
    return {sighting.fault: sighting for sighting in found}


def note(sighting: Sighting, path: Path) -> None:
    """Append a sighting: one line in one write, so that parallel tests do not interleave theirs."""
    path.parent.mkdir(exist_ok=True)
    line = {"fault": sighting.fault, "seen": sighting.seen, "seconds": sighting.seconds}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def table(faults: Sequence[Fault], seen: Mapping[str, Sighting]) -> str:
    """Return the table in Markdown; a fault that no run has seen yet says so."""
    lines = []
    for area, title in AREAS.items():
        rows = [fault for fault in faults if fault.area == area]
        if rows:
            lines += ["", f"### {title}", "", "| fault | expected | seen | recovered in |", "| --- | --- | --- | --- |"]
            lines += [_row(fault, seen.get(fault.name, Sighting(fault.name, NOT_YET, None))) for fault in rows]
    return "\n".join(lines) + "\n"


def with_table(document: str, rows: str) -> str:
    """Return a document with these rows between its markers.

    Raises:
        ValueError: the marks are not there.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{rows}\n{END}{after}"


def in_document(document: str) -> dict[str, str]:
    """Return what the rows of a document say: fault → what is expected."""
    rows = document.partition(BEGIN)[2].partition(END)[0].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("| ")]
    return {cell[0]: cell[1] for cell in cells if cell[0] not in {"fault", "---"}}


def main(argv: Sequence[str] | None = None) -> int:
    """Write the document, or check a run; return the status to exit with."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault_table", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="print what this run saw, and fail if a fault is missing")
    parser.add_argument("--without", action="append", default=[], metavar="AREA", help="whose faults may be missing")
    options = parser.parse_args(argv)
    faults, seen = declared(), sightings(SIGHTINGS)
    if not options.check:
        # A fault that this run did not see keeps the row that an earlier one wrote.
        document = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(with_table(document, table(faults, _in_rows(document) | seen)), encoding="utf-8")
        return 0
    missing = [fault.name for fault in faults if fault.name not in seen and fault.area not in options.without]
    sys.stdout.write(table(faults, seen))
    slow = [s.fault for s in seen.values() if s.seconds is not None and s.seconds > PROMISED_S]
    sys.stdout.writelines(f"more than {PROMISED_S:g} s: {name}\n" for name in slow)
    sys.stdout.writelines(f"not seen in this run: {name}\n" for name in missing)
    return int(bool(missing))


def _marks(path: Path, area: str) -> Iterator[Fault]:
    module = ast.parse(path.read_text(encoding="utf-8"))
    constants: dict[str, object] = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            with suppress(ValueError):  # no constant
                constants[node.targets[0].id] = ast.literal_eval(node.value)

    def text(node: ast.expr) -> object:
        # A literal, a constant of the module, or an f-string of these: nothing else has a value here.
        return eval(compile(ast.Expression(node), path, "eval"), {"__builtins__": {}}, constants)

    for call in ast.walk(module):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.fault":
            try:
                (name,) = map(text, call.args)
                (expects,) = (text(word.value) for word in call.keywords if word.arg == "expects")
            except (ValueError, NameError):
                raise Undeclared(f'{path}:{call.lineno}: wanted is fault("…", expects="…")') from None
            if not all(isinstance(word, str) and word.strip() and "|" not in word for word in (name, expects)):
                raise Undeclared(f"{path}:{call.lineno}: the words must be texts without '|'")
            yield Fault(str(name), str(expects), area)


def _row(fault: Fault, sighting: Sighting) -> str:
    recovered = "" if sighting.seconds is None else f"{sighting.seconds:.1f} s"
    return f"| {fault.name} | {fault.expects} | {sighting.seen.replace('|', '/')} | {recovered} |"


def _in_rows(document: str) -> dict[str, Sighting]:
    found = {}
    for row in document.partition(BEGIN)[2].partition(END)[0].splitlines():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if row.startswith("| ") and len(cells) == 4 and cells[0] not in {"fault", "---"}:
            seconds = float(cells[3].removesuffix(" s")) if cells[3] else None
            found[cells[0]] = Sighting(cells[0], cells[2], seconds)
    return found


if __name__ == "__main__":
    sys.exit(main())

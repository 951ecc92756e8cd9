"""The fault table agrees with the tests and their runs."""

from pathlib import Path

import pytest

from tests import fault_table
from tests.fault_table import BEGIN, DOCUMENT, END, Fault, Sighting, Undeclared

HEAD = f"# Faults\n\n{BEGIN}\n{END}\n"
LOST = Fault("camera lost", "it is said", "producer")
SEEN = Sighting("camera lost", "CAMERA DOWN", 1.25)


def test_the_document_has_the_faults_that_the_tests_make() -> None:
    """`make fault-table` after all tests would change only what was recorded."""
    documented = fault_table.in_document(DOCUMENT.read_text(encoding="utf-8"))

    assert documented == {fault.name: fault.expects for fault in fault_table.declared()}


def test_a_mark_is_found_wherever_it_stands(tmp_path: Path) -> None:
    """On a test, on a parameter of one, and in a folder inside the area's."""
    folder = tmp_path / "kafka"
    folder.mkdir()
    (folder / "test_one.py").write_text(
        '@pytest.mark.fault("a", expects="b")\ndef test(): ...\n'
        'WORDS = "d"\nX = pytest.param(1, marks=pytest.mark.fault("c", expects=WORDS))\n'
    )

    inner = folder / "inner"
    inner.mkdir()
    (inner / "test_two.py").write_text('@pytest.mark.fault("e", expects="f")\ndef test(): ...\n')

    assert fault_table.declared(tmp_path) == [
        Fault("e", "f", "kafka"),
        Fault("a", "b", "kafka"),
        Fault("c", "d", "kafka"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        'pytest.mark.fault("a")',
        'pytest.mark.fault(expects="b")',
        'pytest.mark.fault(NAME, expects="b")',
        'pytest.mark.fault("a", expects="")',
        'pytest.mark.fault("a | b", expects="c")',
        'pytest.mark.fault("a", expects="b"), pytest.mark.fault("a", expects="c")',
    ],
)
def test_a_mark_that_makes_no_row_is_refused(tmp_path: Path, line: str) -> None:
    """With the file's name."""
    folder = tmp_path / "kafka"
    folder.mkdir()
    (folder / "test_one.py").write_text(line + "\n")

    with pytest.raises(Undeclared, match=r"test_one\.py"):
        fault_table.declared(tmp_path)


def test_rows_are_written_and_read_back() -> None:
    """A run that did not record a fault leaves its row unchanged."""
    written = fault_table.with_table(HEAD, fault_table.table([LOST], {"camera lost": SEEN}))

    assert "| camera lost | it is said | CAMERA DOWN | 1.2 s |" in written
    assert fault_table.in_document(written) == {"camera lost": "it is said"}
    assert fault_table._in_rows(written) == {"camera lost": Sighting("camera lost", "CAMERA DOWN", 1.2)}


def test_the_newest_sighting_counts(tmp_path: Path) -> None:
    """Runs append."""
    path = tmp_path / "artefacts" / "faults.jsonl"
    fault_table.note(SEEN, path)
    fault_table.note(Sighting("camera lost", "nothing", None), path)

    assert fault_table.sightings(path) == {"camera lost": Sighting("camera lost", "nothing", None)}


PASSING = """
import pytest
@pytest.mark.fault("x", expects="y")
def test_one(recovery):
    recovery.seen("z", seconds=2)
"""


@pytest.mark.parametrize(
    ("test", "outcome", "noted"),
    [
        (PASSING, {"passed": 1}, 1),
        (PASSING.replace('recovery.seen("z", seconds=2)', "pass"), {"passed": 1, "errors": 1}, 0),
        (PASSING + "    assert 0\n", {"failed": 1}, 0),
        (PASSING.replace('@pytest.mark.fault("x", expects="y")', ""), {"errors": 1}, 0),
    ],
    ids=["seen", "says nothing", "fails", "no mark"],
)
def test_only_a_test_that_passes_is_noted(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    test: str,
    outcome: dict[str, int],
    noted: int,
) -> None:
    """What a failed test recorded is not shown in the document."""
    monkeypatch.setattr(fault_table, "SIGHTINGS", tmp_path / "faults.jsonl")
    pytester.makepyfile(test)

    result = pytester.inline_run("-p", "tests.conftest", "-p", "no:cacheprovider", "-W", "ignore")

    passed, _, failed = result.listoutcomes()
    errors = [report for report in failed if report.when != "call"]
    assert len(passed) == outcome.get("passed", 0)
    assert len(failed) - len(errors) == outcome.get("failed", 0)
    assert len(errors) == outcome.get("errors", 0)
    assert len(fault_table.sightings(tmp_path / "faults.jsonl")) == noted

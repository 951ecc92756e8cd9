"""Ratios and their bounds, and the tables."""

from pathlib import Path

from bench import report, results
from bench.results import Results, bounds, exceeded, of_flows, of_rounds, of_step, ratio
from bench.scenarios.fan_out import Flow
from bench.scenarios.growth import Step
from bench.scenarios.one_camera import Round


def a_round(cpu_ms: float) -> Round:
    return Round(
        10.0, 250, {"producer": cpu_ms, "broker": 5.0}, {"producer": 80.0}, [10.0, 20.0], {"videocam": 110.0}, {}
    )


def filled() -> Results:
    found = Results({"processor": "one", "date": "today"}, skipped={"motion": "motion is missing"})
    found.tables["rtsp"] = {"this suite": of_rounds([a_round(9.0), a_round(11.0), a_round(10.0)])}
    found.tables["fan-out"] = {"video": of_flows([Flow(5.0, 100, 1000.0, 0.5, 90.0, 0.99, [5.0], 0.3)])}
    found.tables["crowd"] = {"500": found.tables["fan-out"]["video"] | {"fps": 25, "kilobytes": 40}}
    found.steps["cameras"] = [of_step(Step(1, {"producer": 0.1, "rig": 0.1}, {"producer": 80.0}, 1.0, 10.0, 20.0, 0.2))]
    return found


def test_a_row_has_the_median_of_its_rounds() -> None:
    """The broker is not part of the services, and the latency is that of all pictures."""
    row = filled().tables["rtsp"]["this suite"]

    assert (row["services_ms"], row["broker_ms"], row["fps"]) == (10.0, 5.0, 25.0)
    assert row["latency_ms"] == {"0.5": 20.0, "0.99": 20.0}


def test_what_exceeds_its_bound_or_was_not_measured_fails() -> None:
    """A ratio at its bound is good; one above it, and one that is missing, are not."""
    at_their_bounds = bounds()
    first, *_ = at_their_bounds

    assert exceeded(at_their_bounds) == {}
    assert exceeded(at_their_bounds | {first: at_their_bounds[first] * 1.01}) == {first: at_their_bounds[first] * 1.01}
    assert set(exceeded({})) == set(at_their_bounds)


def test_a_reference_that_did_not_run_has_no_ratio() -> None:
    """A table without the reference gives nothing, and does not fail."""
    assert ratio(filled().tables["rtsp"], "this suite", "motion", "services_ms") == {}


def test_the_tables_name_everything_that_was_measured_or_skipped() -> None:
    """Everything is one line at least."""
    text = report.markdown(filled())

    for part in ("this suite", "video", "500", "cameras.png", "Skipped: motion: motion is missing", "processor one"):
        assert part in text
    assert "this suite" in report.short(filled())


def test_results_can_be_read_again(tmp_path: Path) -> None:
    """The JSON holds all of it."""
    filled().write(tmp_path / "results.json")

    assert results.Results.read(tmp_path / "results.json") == filled()

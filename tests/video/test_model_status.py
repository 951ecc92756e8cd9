"""What several consumers say of a model, as one."""

from shared.reports import ModelReport
from shared.states import ModelState
from video.model_status import joined, model_json


def report(state: ModelState = ModelState.UP, **figures: float) -> ModelReport:
    return ModelReport(state, 1, "7", kind="detection", shadow=True, compare_with="other", **figures)  # type: ignore[arg-type]


def test_one_report_is_said_as_it_is() -> None:
    one = report(rate=12.5, batch=2.5, ms=38.0, compared=8, agreement=0.75)

    assert model_json("lite", [one]) == {"name": "lite", **one.as_json()}


def test_figures_of_several_consumers_are_joined() -> None:
    """10 frames in 2 requests and 30 in 30; 10 took 20 ms each, and 30 took 40; 9 of 10 and 0 of 30 agree."""
    one = report(rate=10.0, batch=5.0, ms=20.0, compared=10, agreement=0.9)
    other = report(rate=30.0, batch=1.0, ms=40.0, compared=30, agreement=0.0)

    both = joined([one, other])

    assert (both.rate, both.batch, both.ms) == (40.0, 1.25, 35.0)
    assert (both.compared, both.agreement) == (40, 0.225)


def test_the_newest_report_says_what_the_state_is() -> None:
    """A consumer that asks nothing at the moment adds nothing to the figures."""
    down = ModelReport(ModelState.DOWN, 5, None, "refused")

    both = joined([report(rate=10.0, batch=5.0, ms=20.0), down])

    assert (both.state, both.reason, both.since) == (ModelState.DOWN, "refused", 5)
    assert (both.rate, both.batch, both.ms) == (10.0, 5.0, 20.0)
    assert (joined([down]).rate, joined([down]).compared, joined([down]).agreement) == (None, 0, None)

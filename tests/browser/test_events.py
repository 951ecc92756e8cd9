"""/predictions/stream in a real browser: the program of docs/predictions.md."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage

from shared.bus import EmbeddedBroker
from tests.browser.looking import wait_until
from tests.suite import ROOT
from tests.video.events.event_stage import Predictions, serving
from tests.video.events.test_stream import small_logs

pytestmark = pytest.mark.browser


@pytest.fixture
def predictions() -> Iterator[Predictions]:
    broker = EmbeddedBroker()
    with Predictions(broker.bus(), "videopredictions") as running:
        yield running
    del broker


def documented() -> str:
    text = (ROOT / "docs" / "predictions.md").read_text()
    (block,) = re.findall(r"^```js\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return str(block)


def test_a_page_gets_predictions_and_goes_on_by_itself(
    browser: Browser, predictions: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends the stream: the browser comes back with the id of its last event, and gets each event once."""
    logs, said = small_logs(monkeypatch, 100), list[str]()
    with serving(predictions) as stage:
        page = browser.new_page()

        def hear(message: ConsoleMessage) -> None:
            if message.type == "log":  # that a stream ends is an error in the browser's console
                said.append(message.text)

        page.on("console", hear)
        page.goto(f"{stage.url}/docs")
        page.evaluate(f"{documented()}; window.events = events; events.onerror = () => {{ window.cut = true }}")
        wait_until(page, lambda: page.evaluate("events.readyState") == 1, "the stream is open")
        predictions.write(1)
        predictions.write(2, camera="yard")
        wait_until(page, lambda: len(said) == 1, "a prediction")

        logs[0].closing = True
        wait_until(page, lambda: page.evaluate("window.cut"), "the stream ends")
        logs[0].closing = False
        predictions.write(3, model="others")
        wait_until(page, lambda: len(said) == 2, "the prediction that was written meanwhile")
        predictions.write(4)
        wait_until(page, lambda: len(said) == 3, "a new one")
        page.close()

    assert [line.split()[0] for line in said] == ["things", "others", "things"]
    assert "car 0.87" in said[0]

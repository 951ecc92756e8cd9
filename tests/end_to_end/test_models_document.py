"""A models document that changes while frames flow."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.frames.frame import read_frame
from tests.conftest import Recovery
from tests.consumer import rest, tf_model
from tests.consumer.rest import Rest
from tests.consumer.tf_model import FACE
from tests.end_to_end.chain import Chain, embedded_broker
from tests.end_to_end.numbered import write_video
from tests.suite import Tap, get
from tests.waiting import wait_until

CAMERA = "film"


@dataclass
class Live:
    """A camera, a consumer with a document, and all frames and predictions that it wrote."""

    document: Path
    chain: Chain
    frames: Tap
    predictions: Tap
    models: dict[str, Any]

    def write(self, **models: Any) -> None:
        self.document.write_text(json.dumps({"models": models}))

    def said(self) -> dict[str, Any]:
        return self.chain.predictions(CAMERA)

    def readiness(self) -> dict[str, str]:
        answer: dict[str, str] = json.loads(get(f"{self.chain.consumer.probes}/readyz")[1])
        return answer


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with ExitStack() as stack:
        first = stack.enter_context(Rest(rest.predicting(rest.after(0.03))))
        faces = stack.enter_context(Rest(tf_model.detector(FACE)))
        models = {
            "first": {"kind": "classification", "url": first.predict_url},
            "faces": {"kind": "detection", "url": faces.predict_url, "labels": {1: "face"}},
        }
        document = tmp_path / "models.json"
        document.write_text(json.dumps({"models": {"first": models["first"]}}))
        _, bus = stack.enter_context(embedded_broker())
        chain = stack.enter_context(Chain(bus, MODELSFILE=str(document)))
        chain.produce(VIDEOLINK=str(write_video(tmp_path / "numbers.mkv", 100)), CAMERA=CAMERA)
        wait_until(lambda: chain.predictions(CAMERA).get("first", {}).get("state") == "ok", "the first label")
        frames = stack.enter_context(
            Tap(bus, chain.topic("videodisplay"), lambda r: read_frame(r.key, r.value, r.headers) if r.value else None)
        )
        predictions = stack.enter_context(
            Tap(bus, chain.topic("videopredictions"), lambda r: json.loads(r.value) if r.value else None)
        )
        yield Live(document, chain, frames, predictions, models)


@pytest.mark.fault(
    "a mistake in the models document", expects="the older models stay, the mistake is shown, no frame is disturbed"
)
def test_models_come_change_fail_and_go_without_a_restart(live: Live, recovery: Recovery) -> None:
    """The other model's label never leaves the picture, and every frame is accounted for."""
    wait_until(lambda: live.frames.kept, "frames flow")

    live.write(**live.models)
    wait_until(lambda: live.said().get("faces", {}).get("boxes"), "the added model finds something")

    live.write(**live.models | {"faces": {**live.models["faces"], "kind": "guessing"}})
    wait_until(lambda: live.readiness()["MODELSFILE"] != "ok", "the mistake is shown")
    assert "models.faces.kind: got 'guessing'" in live.readiness()["MODELSFILE"]
    assert live.said()["faces"]["boxes"], "the older models stay"
    (valid,) = (v for name, v in live.chain.consumer.metrics().items() if name[0] == "consumer_document_valid")
    assert valid == 0

    live.write(**live.models | {"faces": {**live.models["faces"], "threshold": 0.95}})
    wait_until(lambda: live.said().get("faces", {}).get("boxes") == [], "the changed model finds too little")
    assert live.readiness()["MODELSFILE"] == "ok"

    live.write(first=live.models["first"])
    wait_until(lambda: list(live.said()) == ["first"], "the removed model is gone")

    heads = [json.loads(frame.predictions) for frame in list(live.frames.kept) if frame is not None]
    assert {said["state"] for head in heads for said in head if said["model"] == "first"} <= {"ok", "stale"}
    assert all([said["model"] for said in head][:1] == ["first"] for head in heads)
    books = live.chain.consumer.books(CAMERA)
    assert set(books.dropped) <= {"superseded", "skipped"}, "a busy machine may drop some; a model may not"
    kinds = {(one["model"], one["kind"], one["shadow"]) for one in list(live.predictions.kept) if one}
    assert kinds == {("first", "classification", False), ("faces", "detection", False)}
    recovery.seen("the line and the field in /readyz; the labels go on", seconds=None)

"""Several models: changed while they run, on each other's boxes, and as shadows."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from consumer.offers import NotAsked
from consumer.prediction import Prediction
from shared.states import ModelState
from tests.consumer import rest, tf_model
from tests.consumer.asked import AskedModels
from tests.consumer.frames import frame
from tests.consumer.rest import Rest
from tests.consumer.tf_model import FACE
from tests.waiting import wait_until

Serve = Callable[[rest.Behaviour], Rest]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a model server with a behaviour."""
    opened: list[Rest] = []

    def started(behaviour: rest.Behaviour) -> Rest:
        opened.append(Rest(behaviour).__enter__())
        return opened[-1]

    yield started
    for server in opened:
        server.__exit__()


def up(asked: AskedModels, model: str, seq: int = 1) -> Prediction:
    """Offer frames until the model has answered; return its answer."""
    answers: list[Prediction] = []

    def answered() -> bool:
        said = asked.ask(frame(seq=seq), model)
        if isinstance(said, Prediction):
            answers.append(said)
        return bool(answers)

    wait_until(answered, f"{model} answers")
    return answers[0]


def test_a_model_is_added_changed_and_removed_while_the_others_run(serve: Serve) -> None:
    """Those that stay the same keep their worker, with a request on its way; the order is the document's."""
    server, other = serve(rest.well), serve(rest.well)
    entry = {"url": server.predict_url}
    with AskedModels(kept=entry, gone=entry, other=entry) as asked:
        kept, gone, changed = (asked.models.predictors[name] for name in ("kept", "gone", "other"))
        up(asked, "kept")
        up(asked, "gone")
        server.behaviour = rest.predicting(rest.after(0.5))
        on_its_way = asked.offer(frame(seq=2))["kept"]
        wait_until(lambda: server.at_once == 3, "all are asked")

        asked.apply(new=entry, other={"url": other.predict_url}, kept=entry)

        assert list(asked.models.predictors) == ["new", "other", "kept"]
        assert asked.models.predictors["kept"] is kept
        assert asked.models.predictors["other"] is not changed
        assert isinstance(on_its_way.result(60), Prediction)
        for ended in (gone, changed):
            asked.threads[ended].join(30)
            assert not asked.threads[ended].is_alive()
        assert asked.threads[kept].is_alive()
        server.behaviour = rest.well
        assert up(asked, "new", 3).model == "new"
        assert up(asked, "other", 4).model == "other"
        assert other.asked
        assert asked.outcome("kept", "ok") >= 2


def test_what_is_counted_of_a_removed_model_goes_with_it(serve: Serve) -> None:
    """Names come and go with documents; they must not pile up."""
    entry = {"url": serve(rest.well).predict_url}
    with AskedModels(kept=entry, gone=entry) as asked:
        up(asked, "gone")
        up(asked, "kept")

        asked.apply(kept=entry)

        assert asked.outcome("gone", "ok") == 0
        assert asked.outcome("kept", "ok") >= 1
        assert list(asked.models.reports()) == ["kept"]


def test_nobody_waits_for_a_model_that_is_removed(serve: Serve) -> None:
    """What waits for it is refused at once, although its request hangs."""
    server = serve(rest.hang)
    with AskedModels(timeout_s=2.0, hangs={"url": server.predict_url}) as asked:
        asked.offer(frame("a", 1))
        wait_until(lambda: server.connections, "it is being asked")
        waits = asked.offer(frame("b", 1))["hangs"]

        asked.apply()

        assert waits.result(0) is None
        assert asked.offer(frame("a", 2)) == {}


def test_each_model_sees_its_own_cameras(serve: Serve) -> None:
    """And is drawn on no others."""
    entry = {"url": serve(rest.well).predict_url}
    with AskedModels(all=entry, yards={**entry, "cameras": ["yard-*"]}) as asked:
        assert list(asked.offer(frame("front"))) == ["all"]
        assert list(asked.offer(frame("yard-2"))) == ["all", "yards"]
        assert [model.name for model in asked.models.drawn(frame("front"))] == ["all"]


def test_a_model_looks_at_the_boxes_that_another_found_in_the_very_same_frame(serve: Serve) -> None:
    """All faces of a frame in one request; the emotion has the face's box."""
    faces, mood = tf_model.detector(FACE, [0.5, 0.5, 1.0, 1.0]), tf_model.emotion_model()
    entries: dict[str, Any] = {
        "mood": {"kind": "emotion", "url": serve(mood).predict_url, "crops": {"of": "faces", "labels": ["face"]}},
        "faces": {"kind": "detection", "url": serve(faces).predict_url, "labels": {1: "face"}},
    }
    with AskedModels(**entries) as asked:
        answers = asked.offer(frame(seq=5))
        said = answers["mood"].result(60)

        assert isinstance(said, Prediction)
        assert said.is_of(frame(seq=5))
        assert [(one.label, one.box) for one in said.findings] == [
            ("happy", (80, 48, 80, 96)),
            ("happy", (160, 96, 160, 96)),
        ]
        assert mood.asked == [2]
        assert {one.model for one in asked.published} == {"faces", "mood"}


def test_without_a_box_there_is_nothing_to_ask_and_nothing_to_draw(serve: Serve) -> None:
    """The boxes of the frame before go; a model that has never been asked is not down for that."""
    faces, mood = tf_model.detector(FACE), tf_model.emotion_model()
    entries: dict[str, Any] = {
        "faces": {"kind": "detection", "url": serve(faces).predict_url, "labels": {1: "face"}},
        "mood": {"kind": "emotion", "url": serve(mood).predict_url, "crops": {"of": "faces", "labels": ["face"]}},
    }
    with AskedModels(**entries) as asked:
        up(asked, "mood")
        faces.answer = tf_model.detector(FACE, score=0.3).answer  # below the threshold of a detection

        said = asked.ask(frame(seq=2), "mood")

        assert isinstance(said, Prediction)
        assert said.findings == ()
        predictor = asked.models.predictors["mood"]
        assert predictor.newest.get(frame(seq=3)) == said
        assert predictor.state.state is ModelState.UP
        assert [one.seq for one in asked.published if one.model == "mood"] == [1]


def test_a_model_whose_boxes_are_not_found_is_not_waited_for(serve: Serve) -> None:
    """If the other model is down, or its rate is used up."""
    faces = {"kind": "detection", "url": serve(rest.status(503)).predict_url, "labels": {1: "face"}}
    mood = {"kind": "emotion", "url": serve(tf_model.emotion_model()).predict_url, "crops": {"of": "faces"}}
    with AskedModels(faces=faces, mood=mood) as asked:
        assert asked.ask(frame(seq=1), "mood") is None

        asked.apply(faces={**faces, "url": serve(tf_model.detector(FACE)).predict_url, "rate": 0.001}, mood=mood)
        up(asked, "mood", 2)
        assert asked.ask(frame(seq=3), "mood") is NotAsked.RATE


def test_a_shadow_is_asked_about_the_frames_of_its_reference_and_compared(serve: Serve) -> None:
    """However slow the reference is, each answer finds its partner; the report has the share."""
    old, new = serve(rest.predicting(rest.after(0.05))), serve(rest.well)
    shadow = {"url": new.predict_url, "draw": False, "compare_with": "old"}
    with AskedModels(old={"url": old.predict_url}, new=shadow) as asked:
        up(asked, "old")
        for seq in range(2, 40):
            asked.offer(frame(seq=seq))
            time.sleep(0.005)
        wait_until(lambda: asked.outcome("new", "ok") >= 3, "the shadow is asked")
        wait_until(lambda: asked.outcome("old", "ok") >= asked.outcome("new", "ok"), "the reference has answered")

        seen = {name: {one.seq for one in asked.published if one.model == name} for name in ("old", "new")}
        assert seen["new"] <= seen["old"]
        assert len([one for one in asked.published if one.model == "new"]) == len(seen["new"]), "none twice"
        wait_until(lambda: asked.models.reports()["new"].compared >= 3, "answers are compared")
        report = asked.models.reports()["new"]
        assert report.agreement == 1.0
        assert (report.shadow, report.compare_with) == (True, "old")
        assert [model.name for model in asked.models.drawn(frame())] == ["old"]
        assert {one.shadow for one in asked.published if one.model == "new"} == {True}


def test_a_shadow_goes_on_by_itself_while_its_reference_is_down(serve: Serve) -> None:
    """It predicts and publishes all the same."""
    shadow = {"url": serve(rest.well).predict_url, "draw": False, "compare_with": "old"}
    with AskedModels(old={"url": serve(rest.status(503)).predict_url}, new=shadow) as asked:
        assert asked.ask(frame(seq=1), "old") is None
        assert list(asked.offer(frame(seq=1))) == ["old", "new"]

        assert up(asked, "new", 2).shadow
        assert asked.models.reports()["new"].compared == 0


def test_two_shadows_of_each_other_are_asked_too(serve: Serve) -> None:
    """Neither waits for the other."""
    entry = {"url": serve(rest.well).predict_url, "draw": False}
    with AskedModels(a={**entry, "compare_with": "b"}, b={**entry, "compare_with": "a"}) as asked:
        assert up(asked, "a", 1).model == "a"
        wait_until(lambda: asked.models.reports()["b"].compared, "they are compared")


def test_a_server_that_comes_back_with_another_signature_is_read_again(serve: Serve) -> None:
    """Its pictures have another size then; nobody restarts the consumer."""
    model = tf_model.classifier(side=8)
    server = serve(model)
    with AskedModels(m={"url": server.predict_url}) as asked:
        up(asked, "m")
        other = tf_model.classifier(side=16)
        server.behaviour = other

        assert up(asked, "m", 2).findings[0].label == "Egyptian cat"
        assert other.asked[-1] == 1


def test_a_new_version_is_read_again_before_it_fails(serve: Serve) -> None:
    """The version tells; no request has to be refused first."""
    server = serve(tf_model.classifier(side=8))
    with AskedModels(m={"url": server.predict_url}) as asked:
        up(asked, "m")
        predictor = asked.models.predictors["m"]
        predictor.learned_version("1")
        server.behaviour = tf_model.classifier(side=16)

        predictor.learned_version("2")

        said = asked.ask(frame(seq=2), "m")
        assert isinstance(said, Prediction)
        assert said.version == "2"
        assert asked.outcome("m", "refused") == 0


def test_a_contradiction_takes_the_model_down_until_the_server_changes(serve: Serve) -> None:
    """One line names both shapes; the document stays as it is."""
    server = serve(tf_model.classifier(side=16))
    with AskedModels(m={"url": server.predict_url, "input": {"encoding": "tensor", "size": [8, 8]}}) as asked:
        assert asked.ask(frame(seq=1), "m") is None
        report = asked.models.reports()["m"]
        assert report.state is ModelState.DOWN
        assert report.reason is not None
        assert "\n" not in report.reason
        assert "8, 8" in report.reason
        assert "16, 16" in report.reason
        assert asked.outcome("m", "contradiction") == 1
        assert server.asked == []

        server.behaviour = tf_model.classifier(side=8)

        assert up(asked, "m", 2).findings

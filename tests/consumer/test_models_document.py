"""What the models document may say, and how its mistakes are named."""

from typing import Any

import pytest
from pydantic import ValidationError

from consumer.models_document import ModelsDocument, in_order

URL = "http://tfserving-service:8501/v1/models/detector:predict"
KSERVE = "http://mlserver:8080/v2/models/detector"


def read(**models: dict[str, Any]) -> ModelsDocument:
    """Return the document with these models; each is a detection unless it says otherwise."""
    entries = {name: {"kind": "detection", "url": URL, **entry} for name, entry in models.items()}
    return ModelsDocument.model_validate({"models": entries})


def test_a_model_needs_its_kind_and_its_address_and_nothing_else() -> None:
    """Everything else has the defaults of the design, or comes from the model's metadata."""
    spec = read(things={}).specs()["things"]

    assert (spec.name, spec.kind, spec.protocol, spec.cameras) == ("things", "detection", "tfserving", ("*",))
    assert (spec.rate, spec.topk, spec.batch, spec.draw, spec.shadow) == (None, 5, 8, True, False)
    assert (spec.labels, spec.crops, spec.compare_with, spec.output.format) == (None, None, None, "auto")
    assert set(spec.input.model_dump().values()) == {None}


def test_below_the_threshold_nothing_is_drawn_and_a_detection_has_one_by_default() -> None:
    """0.5 for a detection, otherwise 0."""
    specs = read(boxes={}, whole={"kind": "classification"}, strict={"threshold": 0.9}).specs()

    assert [specs[name].lowest for name in ("boxes", "whole", "strict")] == [0.5, 0.0, 0.9]


def test_every_key_of_the_design_is_understood() -> None:
    """Section by section, with the values of its example."""
    spec = read(
        faces={},
        other={},
        things={
            "labels": {0: "person"},
            "cameras": ["front", "yard-*"],
            "rate": 5,
            "threshold": 0.5,
            "topk": 5,
            "draw": False,
            "compare_with": "other",
            "crops": {"of": "faces", "labels": ["face"], "margin": 0.1},
            "input": {
                "encoding": "tensor",
                "size": [320, 240],
                "dtype": "uint8",
                "layout": "nhwc",
                "colour": "rgb",
                "resize": "letterbox",
                "mean": [103.5, 116.3, 123.7],
                "scale": 255,
            },
            "output": {"format": "yolo"},
        },
    ).specs()["things"]

    assert spec.labels == {0: "person"}
    assert spec.input.size == (320, 240)
    assert (spec.input.mean, spec.input.scale) == ((103.5, 116.3, 123.7), (255,))
    assert spec.crops is not None
    assert (spec.crops.of, spec.crops.labels, spec.crops.margin) == ("faces", ("face",), 0.1)
    assert spec.shadow


def test_patterns_choose_the_cameras() -> None:
    """As in a shell: `*` and `?`."""
    spec = read(things={"cameras": ["front", "yard-*"]}).specs()["things"]

    assert [camera for camera in ("front", "front-2", "yard-1", "back") if spec.sees(camera)] == ["front", "yard-1"]


@pytest.mark.parametrize(
    "url",
    ["http://h:1/v1/models/a:predict", "https://h/v1/models/a/versions/3:predict", "http://h/x/v1/models/a:predict"],
)
def test_addresses_of_tensorflow_serving(url: str) -> None:
    """With or without a version, behind a path or not."""
    assert read(a={"url": url}).specs()["a"].url == url


@pytest.mark.parametrize("url", [KSERVE, f"{KSERVE}/versions/2", f"{KSERVE}/infer"])
def test_addresses_of_the_open_inference_protocol(url: str) -> None:
    """With or without a version."""
    assert read(a={"url": url, "protocol": "kserve"}).specs()["a"].url == url


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"kind": "Detection"}, "kind"),
        ({"url": "h:8501/v1/models/a:predict"}, ".url "),
        ({"url": "http://h:8501/v1/models/a"}, ".url Value error, allowed: http://HOST:PORT/v1/models/NAME"),
        ({"url": KSERVE}, ".url Value error, allowed: http://HOST:PORT/v1/models/NAME"),
        ({"url": URL, "protocol": "kserve"}, ".url Value error, allowed: http://HOST:PORT/v2/models/NAME"),
        ({"url": "http://h:x/v1/models/a:predict"}, ".url "),
        ({"url": "http:///v1/models/a:predict"}, ".url "),
        ({"protocol": "grpc"}, "protocol"),
        ({"rate": 0}, "rate"),
        ({"threshold": 1.1}, "threshold"),
        ({"topk": 0}, "topk"),
        ({"batch": 65}, "batch"),
        ({"cameras": []}, "cameras"),
        ({"colour": "rgb"}, "colour"),
        ({"input": {"size": [320]}}, "input.size"),
        ({"input": {"size": [320, 5000]}}, "input.size"),
        ({"input": {"scale": 0}}, "numbers other than 0"),
        ({"input": {"mean": [1, 2]}}, "one number, or three"),
        ({"input": {"mean": float("nan")}}, "input.mean"),
        ({"compare_with": "b"}, "a.compare_with Value error, allowed: with `draw: false` only"),
        ({"draw": False, "compare_with": "c"}, "models.a.compare_with allowed: b"),
        ({"draw": False, "compare_with": "a"}, "models.a.compare_with allowed: b"),
        ({"crops": {"of": "c"}}, "models.a.crops.of allowed: b"),
        ({"crops": {"of": "b", "margin": 2}}, "crops.margin"),
        ({"labels": {-1: "x"}}, "labels"),
        ({"labels": {"person": 1}}, "labels"),
        ({"labels": 3}, "labels"),
        ({"binary": True}, "a.binary Value error, allowed: with protocol kserve only"),
    ],
)
def test_a_mistake_names_its_place_and_what_is_allowed(entry: dict[str, Any], place: str) -> None:
    """pydantic's own errors name the place, ours the place and what is allowed."""
    with pytest.raises(ValidationError) as caught:
        read(a=entry, b={})

    said = [f"{'.'.join(map(str, error['loc']))} {error['msg']}" for error in caught.value.errors()]
    assert any(place in line for line in said), said


def test_a_password_in_an_address_is_not_quoted() -> None:
    """The message goes into logs and answers."""
    with pytest.raises(ValidationError) as caught:
        read(a={"url": "http://me:hidden@h/v1/models/a"})

    assert "hidden" not in str(caught.value)


def test_crops_that_depend_on_each_other_are_a_mistake() -> None:
    """No model of the circle could ever be asked."""
    with pytest.raises(ValidationError, match="crops of a, b depend on each other"):
        read(a={"crops": {"of": "b"}}, b={"crops": {"of": "a"}})


def test_a_model_comes_after_the_one_whose_boxes_it_looks_at() -> None:
    """Whatever the order of the document."""
    document = read(mood={"crops": {"of": "faces"}}, faces={"crops": {"of": "people"}}, people={})

    assert in_order(document.models) == ["people", "faces", "mood"]

"""The cameras document: what it says about a camera, and every mistake by line and field."""

from pathlib import Path

import pytest

from producer.configured import defaults
from producer.document import CameraConfig, CamerasDocument, configs
from producer.settings import ProducerSettings
from producer.source import SourceKind
from shared.document import parse_document
from shared.errors import DocumentError

SECRET = "rtsp://operator:hunter2@10.0.0.7/live"


def read(text: str) -> dict[str, CameraConfig]:
    settings = ProducerSettings.load(cameras_file="x", JPEGQUALITY="70", FRAMEINTERVAL="42ms", IMAGESCALEX="0.5")
    return dict(configs(parse_document(text, CamerasDocument), defaults(settings)))


def mistakes(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        parse_document(text, CamerasDocument)
    return "\n".join(caught.value.mistakes)


def test_a_camera_is_what_the_document_and_otherwise_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yard").write_text(f"{SECRET}\n")
    monkeypatch.setenv("GARAGE", SECRET)
    cameras = read(f"""
cameras:
  front:
    source: {SECRET}
    title: Front door
    interval: 100ms
    scale: 0.25
    quality: 90
    masks: [[[0, 0], [0.3, 0], [0.3, 0.2]]]
    tags: [outside, outside, street]
  yard: {{source: {{file: {tmp_path}/yard}}}}
  garage: {{source: {{env: GARAGE}}, enabled: false}}
  desk: {{source: 0, interval: 0}}
""")

    front, yard, garage, desk = (cameras[name] for name in ("front", "yard", "garage", "desk"))
    assert (front.title, front.tags, front.enabled) == ("Front door", ("outside", "street"), True)
    assert (front.job.interval_s, front.job.scale_x, front.job.scale_y, front.job.quality) == (0.1, 0.25, 0.25, 90)
    assert (front.job.masks, yard.job.masks) == ((((0, 0), (0.3, 0), (0.3, 0.2)),), ())
    assert (yard.job.interval_s, yard.job.scale_x, yard.job.scale_y, yard.job.quality) == (0.042, 0.5, 1, 70)
    assert yard.job.source == front.job.source == garage.job.source
    assert (yard.title, yard.tags, yard.enabled, garage.enabled) == (None, (), True, False)
    assert (desk.job.source.kind, desk.job.source.text, desk.job.interval_s) == (SourceKind.DEVICE, "0", 0)
    assert "hunter2" not in repr(cameras)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cameras:\n  Front: {source: 0}", "line 2: cameras.Front: got 'Front'; not a DNS label"),
        ("cameras:\n  a:\n    title: x", "line 2: cameras.a.source: is missing"),
        ("cameras:\n  a:\n    source: rtsp//me:hunter2@host", "line 3: cameras.a.source: got ***; allowed: rtsp://"),
        ("cameras:\n  a: {source: {file: /none}}", "line 2: cameras.a.source.file: got '/none'; cannot be read: No"),
        ("cameras:\n  a: {source: {env: NONE}}", "line 2: cameras.a.source.env: got 'NONE'; holds nothing"),
        (
            "cameras:\n  a: {source: 0, interval: soon}",
            "line 2: cameras.a.interval: got 'soon'; allowed: a Go duration",
        ),
        ("cameras:\n  a: {source: 0, scale: 9}", "line 2: cameras.a.scale: got 9; allowed: a number more than 0"),
        ("cameras:\n  a: {source: 0, quality: 0}", "line 2: cameras.a.quality: got 0; allowed: 1 to 100"),
        ("cameras:\n  a: {source: 0, enabled: no}", "line 2: cameras.a.enabled: got 'no'; allowed: true or false"),
        ("cameras:\n  a: {source: 0, masks: [[[0, 0], [1, 2], [0, 1]]]}", "line 2: cameras.a.masks.0.1.1: got 2"),
        (f"cameras:\n  a: {{source: 0, title: {'x' * 101}}}", "line 2: cameras.a.title: got 'xxx"),
        ('cameras:\n  a: {source: 0, title: "x\\ty"}', "line 2: cameras.a.title: got 'x"),
        (f"cameras:\n  a: {{source: 0, tags: [{'x' * 41}]}}", "line 2: cameras.a.tags.0: got 'xxx"),
        (f"cameras:\n  a: {{source: 0, tags: {list(range(21))}}}", "line 2: cameras.a.tags"),
        ("cameras:\n  a: {source: 0, colour: 1}", "line 2: cameras.a.colour: unknown field; allowed: source, title"),
        ("cameras: [a]", "line 1: cameras: got a list"),
    ],
)
def test_a_mistake_is_named_by_line_and_field(text: str, expected: str) -> None:
    said = mistakes(text)

    assert expected in said
    assert "hunter2" not in said


def test_a_file_that_holds_no_link_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "front").write_text("rtsp//operator:hunter2@10.0.0.7")

    said = mistakes(f"cameras:\n  a: {{source: {{file: {tmp_path}/front}}}}")

    assert "cameras.a.source.file" in said
    assert "holds something else than a source" in said
    assert "hunter2" not in said

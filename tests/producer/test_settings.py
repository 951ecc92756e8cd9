import subprocess
import sys
from pathlib import Path

import pytest

from producer.settings import ProducerSettings
from producer.source import SourceKind
from shared.errors import SettingsError
from shared.settings import document
from tests.producer.cameras import BUNNY


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in document(ProducerSettings):
        monkeypatch.delenv(row.variable, raising=False)


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> ProducerSettings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return ProducerSettings.load()


def test_the_defaults_are_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without further variables the values are those of the design's table."""
    settings = load(monkeypatch, VIDEOLINK="rtsp://camera/live")

    assert (settings.topic, settings.servers) == ("videocam", "kf1-service:19092")
    assert (settings.frame_interval_s, settings.jpeg_quality) == (0.042, 80)
    assert (settings.scale_x, settings.scale_y) == (1, 1)
    assert (settings.frame_format, settings.compression) == ("jpeg", "none")
    assert settings.camera_timeout_s is None
    assert list(settings.sources()) == ["camera"]


def test_the_camera_timeout_is_a_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    """CAMERATIMEOUT is read like every other duration; empty means not set."""
    assert load(monkeypatch, VIDEODEVICE="0", CAMERATIMEOUT="1m30s").camera_timeout_s == 90
    assert load(monkeypatch, VIDEODEVICE="0", CAMERATIMEOUT="").camera_timeout_s is None


def test_cameras_go_before_a_link_before_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of CAMERAS, VIDEOLINK and VIDEODEVICE the first that is given counts; empty is not given."""
    device = load(monkeypatch, VIDEODEVICE="0", VIDEOLINK="", CAMERAS="").sources()
    link = load(monkeypatch, VIDEOLINK=str(BUNNY), CAMERA="yard").sources()
    several = load(monkeypatch, CAMERAS='{"front": "rtsp://a/live", "back": "/dev/video2"}').sources()

    assert device["camera"].kind is SourceKind.DEVICE
    assert link["yard"].kind is SourceKind.FILES
    kinds = {name: source.kind for name, source in several.items()}
    assert kinds == {
        "front": SourceKind.LINK,
        "back": SourceKind.DEVICE,
    }


def test_a_camera_outlives_its_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Sources are parsed once, when the settings are read: files that are gone later are the capture's to report."""
    (tmp_path / "1.png").write_bytes(b"picture")
    settings = load(monkeypatch, VIDEOLINK=str(tmp_path / "*.png"), CAMERA="yard")
    (tmp_path / "1.png").unlink()

    assert settings.sources()["yard"].kind is SourceKind.FILES


@pytest.mark.parametrize(
    ("variables", "mistakes"),
    [
        ({}, ["VIDEOLINK"]),
        ({"VIDEOLINK": "missing.mp4"}, ["VIDEOLINK: got 'missing.mp4', no such file"]),
        ({"VIDEOLINK": "gopher://camera/"}, ["VIDEOLINK: got 'gopher://camera/', not a link"]),
        ({"VIDEODEVICE": "camera"}, ["VIDEODEVICE: got 'camera', not a device"]),
        ({"CAMERAS": "front"}, ["CAMERAS: got ***"]),
        ({"CAMERAS": "[]"}, ["CAMERAS: got ***"]),
        (
            {"CAMERAS": '{"Front_1": "0", "yard": "gone.mp4", "back": "0"}'},
            ["CAMERAS: got the id 'Front_1'", "CAMERAS[yard]: got 'gone.mp4', no such file"],
        ),
        ({"VIDEODEVICE": "0", "CAMERA": "Front Door"}, ["CAMERA: got 'Front Door'"]),
        ({"VIDEODEVICE": "0", "FRAMEINTERVAL": "42"}, ["FRAMEINTERVAL: got '42'"]),
        ({"VIDEODEVICE": "0", "FRAMEINTERVAL": "-1s"}, ["FRAMEINTERVAL: got '-1s'"]),
        ({"VIDEODEVICE": "0", "CAMERATIMEOUT": "0"}, ["CAMERATIMEOUT: got '0'"]),
        ({"VIDEODEVICE": "0", "CAMERATIMEOUT": "5"}, ["CAMERATIMEOUT: got '5'"]),
        ({"VIDEODEVICE": "0", "IMAGESCALEX": "0"}, ["IMAGESCALEX: got '0'"]),
        ({"VIDEODEVICE": "0", "IMAGESCALEY": "9"}, ["IMAGESCALEY: got '9'"]),
        ({"VIDEODEVICE": "0", "IMAGESCALEY": "nan"}, ["IMAGESCALEY: got 'nan'"]),
        ({"VIDEODEVICE": "0", "JPEGQUALITY": "0"}, ["JPEGQUALITY: got '0'"]),
        ({"VIDEODEVICE": "0", "JPEGQUALITY": "101"}, ["JPEGQUALITY: got '101'"]),
        ({"VIDEODEVICE": "0", "FRAMEFORMAT": "png"}, ["FRAMEFORMAT: got 'png'"]),
        ({"VIDEODEVICE": "0", "COMPRESSIONTYPE": "zip"}, ["COMPRESSIONTYPE: got 'zip'"]),
        ({"VIDEODEVICE": "0", "TOPICNAME": "a b"}, ["TOPICNAME: got 'a b'"]),
        ({"VIDEODEVICE": "0", "KAFKAPORT": "kafka"}, ["KAFKAPORT: got 'kafka'"]),
        ({"JPEGQUALITY": "x", "VIDEOLINK": "missing.mp4"}, ["JPEGQUALITY: got 'x'", "VIDEOLINK: got 'missing.mp4'"]),
    ],
)
def test_every_mistake_gives_a_line(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], mistakes: list[str]
) -> None:
    """Each mistake is one line with the variable, what came, and what is allowed; all of them at once."""
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, **variables)

    assert len(caught.value.mistakes) == len(mistakes)
    for line, beginning in zip(caught.value.mistakes, mistakes, strict=True):
        assert line.startswith(beginning)
        assert "; allowed: " in line
        assert "\n" not in line


def test_a_key_that_comes_twice_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two cameras with one name neither is taken silently; the line names the key, and no link."""
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, CAMERAS='{"front": "rtsp://a:s3cret@b/", "front": "rtsp://c/"}')

    (line,) = caught.value.mistakes
    assert line.startswith("CAMERAS: got the key 'front' twice; allowed: ")
    assert "s3cret" not in line


def test_blanks_around_values_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line end behind a value, as Secrets often have it, does not belong to the value."""
    settings = load(monkeypatch, VIDEOLINK="rtsp://camera/live\n", TOPICNAME=" frames\n", JPEGQUALITY="70 ")

    assert (settings.link, settings.topic, settings.jpeg_quality) == ("rtsp://camera/live", "frames", 70)


@pytest.mark.parametrize("link", ["rtsp:/admin:s3cret@camera/live", "ftp://admin:s3cret@camera/live"])
def test_a_mistyped_link_shows_no_password(monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    """However a link is mistyped, its credentials are not printed."""
    with pytest.raises(SettingsError) as link_mistake:
        load(monkeypatch, VIDEOLINK=link)
    with pytest.raises(SettingsError) as cameras_mistake:
        load(monkeypatch, CAMERAS=f'{{"front": "{link}"}}')

    for caught in (link_mistake, cameras_mistake):
        assert "s3cret" not in str(caught.value)
        assert "admin" not in str(caught.value)


def test_a_wrong_setting_ends_the_process() -> None:
    """`python -m producer` ends with status 2, the mistakes on standard error, and no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "producer"],
        env={"VIDEOLINK": "missing.mp4", "JPEGQUALITY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert [line.split(": got")[0] for line in done.stderr.splitlines()] == [
        "producer: JPEGQUALITY",
        "producer: VIDEOLINK",
    ]

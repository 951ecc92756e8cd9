from pathlib import Path

import pytest

from producer.source import SourceKind, files, for_ffmpeg, parse, parse_device, without_credentials

PASSWORD = "p@ss:w/rd%?#"
ENCODED = "p%40ss%3Aw%2Frd%25%3F%23"


@pytest.mark.parametrize(
    ("link", "encoded"),
    [
        (f"rtsp://me:{PASSWORD}@10.0.0.7:554/live?a=1", f"rtsp://me:{ENCODED}@10.0.0.7:554/live?a=1"),
        (f"rtsp://me:{ENCODED}@10.0.0.7/live", f"rtsp://me:{ENCODED}@10.0.0.7/live"),
        ("rtsp://me:p@ss/w@camera/live", "rtsp://me:p%40ss%2Fw@camera/live"),
        ("http://me:secret@camera/stream?mail=a@b.c", "http://me:secret@camera/stream?mail=a@b.c"),
        ("http://camera:8080/stream?mail=a@b.c", "http://camera:8080/stream?mail=a@b.c"),
        ("rtsp://me@camera/live", "rtsp://me@camera/live"),
        ("rtsp://me:100%@[fe80::1]:554/", "rtsp://me:100%25@[fe80::1]:554/"),
        ("rtsp://camera", "rtsp://camera"),
    ],
)
def test_credentials_are_encoded_for_ffmpeg(link: str, encoded: str) -> None:
    """A password may be written into a link as it is, or encoded; the rest of the link stays."""
    assert for_ffmpeg(link) == encoded


@pytest.mark.parametrize("password", [PASSWORD, ENCODED])
def test_credentials_are_taken_out_as_the_camera_knows_them(password: str) -> None:
    """Our own reader gets the password itself, however it is written into the link, and a link without it."""
    taken = without_credentials(f"rtsp://me:{password}@10.0.0.7:554/live?a=1")

    assert taken == ("rtsp://10.0.0.7:554/live?a=1", "me", PASSWORD)
    assert without_credentials("rtsp://10.0.0.7/live") == ("rtsp://10.0.0.7/live", "", "")
    assert without_credentials("rtsp://me@10.0.0.7/live") == ("rtsp://10.0.0.7/live", "me", "")


def test_a_source_shows_no_credentials() -> None:
    """User name, password and query are seen neither in the text nor in the representation of a source."""
    source = parse(f"rtsp://admin:{PASSWORD}@10.0.0.7:554/live?token=t0ken")

    for text in (str(source), repr(source)):
        assert "admin" not in text
        assert "t0ken" not in text
        assert "rd%" not in text


def test_secrets_are_known_in_every_form() -> None:
    """What FFmpeg may quote of a link is known raw, percent-encoded, and with the user name alone."""
    secrets = parse(f"rtsp://admin:{PASSWORD}@10.0.0.7/live?token=t0ken").secrets()

    assert {"admin", PASSWORD, ENCODED, "token=t0ken"} <= set(secrets)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("rtsp://camera/live", SourceKind.LINK),
        ("rtsps://camera/live", SourceKind.LINK),
        ("HTTP://camera/stream", SourceKind.LINK),
        ("https://camera/stream", SourceKind.LINK),
        ("/dev/video0", SourceKind.DEVICE),
        ("0", SourceKind.DEVICE),
        (__file__, SourceKind.FILES),
        (__file__.replace("test_source", "test_sourc?"), SourceKind.FILES),
    ],
)
def test_the_text_tells_what_a_source_is(text: str, kind: SourceKind) -> None:
    """A link, a device, a path and a glob are told apart."""
    assert parse(text).kind is kind


@pytest.mark.parametrize("text", ["ftp://camera/", "rtsp:///live", "rtsp://", "nothing.mp4", "none/*.png", "/", ""])
def test_what_is_no_source_is_refused(text: str) -> None:
    """An unknown scheme, a link without host, and files that are not there are mistakes."""
    with pytest.raises(ValueError, match=r"not a link|no such file"):
        parse(text)


@pytest.mark.parametrize("text", ["rtsp://camera/live", "camera", "video0"])
def test_what_is_no_device_is_refused(text: str) -> None:
    """A device is an index or an absolute path."""
    with pytest.raises(ValueError, match="not a device"):
        parse_device(text)


@pytest.mark.parametrize("around", [" {}", "{}\n", "\t{} \r\n"])
def test_blanks_and_line_ends_around_a_source_are_dropped(around: str) -> None:
    """A Secret made by `echo … | base64` ends with a line end."""
    assert parse(around.format("rtsp://camera/live")).text == "rtsp://camera/live"
    assert parse_device(around.format("/dev/video0")).text == "/dev/video0"


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("rtsp://operator:my secret@10.0.0.7/live", "rtsp://***@10.0.0.7/live"),
        (
            "rtsp://10.0.0.7/user=admin&password=tlJwpbo6&channel=1.sdp",
            "rtsp://10.0.0.7/user=***&password=***&channel=***",
        ),
        ("http://10.0.0.7/cgi bin/video.mjpg?user=a b", "http://10.0.0.7/cgi bin/video.mjpg?***"),
        ("http://[fe80::1%25eth0]:8080/live", "http://[fe80::1%25eth0]:8080/live"),
    ],
)
def test_secrets_in_unusual_places_are_not_shown(link: str, shown: str) -> None:
    """A password with a blank, and values in the path, do not show when a source is logged."""
    assert str(parse(link)) == shown


def test_values_in_the_path_are_secrets() -> None:
    """What libraries may quote of a password in the path is known."""
    assert "tlJwpbo6" in parse("rtsp://10.0.0.7/user=admin&password=tlJwpbo6&channel=1.sdp").secrets()


def test_a_glob_ends_where_links_form_a_cycle(tmp_path: Path) -> None:
    """`**` does not follow links to folders, which may lead back up; each file is found once."""
    inner = tmp_path / "inner"
    inner.mkdir()
    for number, folder in enumerate((tmp_path, inner)):
        (folder / f"{number}.jpg").touch()
        (folder / "one").symlink_to(tmp_path)
        (folder / "two").symlink_to(tmp_path)

    found = files(f"{tmp_path}/**/*.jpg")

    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["0.jpg", "inner/1.jpg"]


def test_globs_match_as_in_a_shell(tmp_path: Path) -> None:
    """A star matches within one folder, without hidden files; folders are no files."""
    for name in ("a/1.jpg", "a/.hidden.jpg", "b/2.jpg", "b/deep/3.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert [path.name for path in files(f"{tmp_path}/*/*.jpg")] == ["1.jpg", "2.jpg"]
    assert [path.name for path in files(f"{tmp_path}/b/*")] == ["2.jpg"]
    assert [path.name for path in files(f"{tmp_path}/**")] == ["1.jpg", "2.jpg", "3.jpg"]

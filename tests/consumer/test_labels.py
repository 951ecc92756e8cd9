"""Labels from files and from servers."""

import json
import time
from pathlib import Path

import pytest

from consumer import labels
from consumer.labels import ASSETS, LARGEST_FILE, LONGEST_LABEL, LabelsUnavailable, is_remote, read_labels
from local.ports import free_port
from tests.consumer import rest
from tests.consumer.rest import Rest
from tests.suite import LOOPBACK

LABELS = {"0": "tench, Tinca tinca", "7": "cock"}


def test_a_file_is_read(tmp_path: Path) -> None:
    """Keys become numbers; texts are UTF-8."""
    (tmp_path / "labels.json").write_text(json.dumps({**LABELS, "3": "crème brûlée"}, ensure_ascii=False), "utf-8")

    assert read_labels(str(tmp_path / "labels.json")) == {0: "tench, Tinca tinca", 7: "cock", 3: "crème brûlée"}


def test_the_packaged_labels_are_complete() -> None:
    """ImageNet has a thousand classes, emotions are seven."""
    imagenet = read_labels(str(ASSETS / "imagenetLabels.json"))

    assert sorted(imagenet) == list(range(1000))
    assert (imagenet[0], imagenet[285], imagenet[999]) == (
        *("tench, Tinca tinca", "Egyptian cat", "toilet tissue, toilet paper, bathroom tissue"),
    )
    assert sorted(read_labels(str(ASSETS / "emonetLabels.json"))) == list(range(7))


def test_labels_are_read_from_a_server() -> None:
    """They are like those in a file."""
    with Rest(rest.status(200, LABELS)) as server:
        assert read_labels(f"{server.url}/labels.json") == {0: "tench, Tinca tinca", 7: "cock"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"text"', '{"tench": "0"}', '{"0": 0}', '{"0": ["x"]}', "[" * 100_000, "\xff"]
)
def test_other_documents_are_refused(tmp_path: Path, text: str) -> None:
    """The message is one line with the place."""
    path = tmp_path / "labels.json"
    path.write_text(text, "latin-1")

    with pytest.raises(LabelsUnavailable, match="not JSON of the form") as caught:
        read_labels(str(path))

    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_missing_labels_are_reported(tmp_path: Path) -> None:
    """Files, folders, servers and paths on servers can be missing."""
    with pytest.raises(LabelsUnavailable, match="No such file"):
        read_labels(str(tmp_path / "none.json"))
    with pytest.raises(LabelsUnavailable, match="Is a directory"):
        read_labels(str(tmp_path))
    with pytest.raises(LabelsUnavailable):
        read_labels(f"http://{LOOPBACK}:{free_port()}/labels.json")
    with Rest(rest.status(404)) as server, pytest.raises(LabelsUnavailable):
        read_labels(f"{server.url}/labels.json")


def test_only_labels_on_the_network_may_be_available_later() -> None:
    """A missing file is a wrong setting; a server that is down is not."""
    assert is_remote("http://server/labels.json")
    assert is_remote("https://server/labels.json")
    assert not is_remote("/src/assets/imagenetLabels.json")


def test_a_label_is_cut_and_printable(tmp_path: Path) -> None:
    """Longer texts do not fit on a picture; control characters would end up in headers and logs."""
    (tmp_path / "labels.json").write_text(json.dumps({"0": "x" * 1000, "1": "\x1b[2Ja\nb"}))

    assert read_labels(str(tmp_path / "labels.json")) == {0: "x" * LONGEST_LABEL, 1: " [2Ja b"}


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    """At most a megabyte is, of a file that never ends too."""
    (tmp_path / "labels.json").write_bytes(b" " * (LARGEST_FILE + 1))

    for path in (tmp_path / "labels.json", Path("/dev/zero")):
        with pytest.raises(LabelsUnavailable, match="larger than 1000000 bytes"):
            read_labels(str(path))


def test_an_answer_without_end_is_given_up() -> None:
    """After a megabyte."""

    def endless(request: rest.Request) -> None:
        request.send_response(200)
        request.end_headers()
        while not request.rest.ending.is_set():
            request.wfile.write(b"a" * (1 << 16))

    with Rest(endless) as server, pytest.raises(LabelsUnavailable, match="larger than 1000000 bytes"):
        read_labels(f"{server.url}/labels.json")


def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit is for the whole answer."""
    monkeypatch.setattr(labels, "TIMEOUT_S", 0.5)
    began = time.monotonic()

    with Rest(rest.drip) as server, pytest.raises(LabelsUnavailable):
        read_labels(f"{server.url}/labels.json")

    assert time.monotonic() - began < 30  # all of it takes minutes


@pytest.mark.parametrize("location", ["/labels.json", "http://[::1", "http://192.0.2.1/", "\xff"])
def test_a_redirection_is_not_followed(location: str) -> None:
    """Wherever it leads, it is an error that names the status."""
    with (
        Rest(lambda request: request.answer(302, b"", Location=location)) as server,
        pytest.raises(LabelsUnavailable, match="HTTP 302"),
    ):
        read_labels(f"{server.url}/moved.json")


@pytest.mark.parametrize(
    "where",
    [
        "http://operator:S3cretPw@127.0.0.1:9/labels.json?token=T0ken123456",
        "http://127.0.0.1:9/labels.json?token=T0ken123456",
        "htttp://operator:S3cretPw@127.0.0.1:9/labels.json?token=T0ken123456",
        "http:/operator:S3cretPw@127.0.0.1:9/labels.json?token=T0ken123456",
        "operator:S3cretPw@127.0.0.1:9/labels.json?token=T0ken123456",
    ],
)
def test_credentials_in_an_address_are_not_shown(where: str) -> None:
    """The message becomes the state of the model, which every viewer sees."""
    with pytest.raises(LabelsUnavailable) as caught:
        read_labels(where)

    assert "S3cretPw" not in str(caught.value)
    assert "T0ken" not in str(caught.value)
    assert "127.0.0.1:9/labels.json" in str(caught.value)

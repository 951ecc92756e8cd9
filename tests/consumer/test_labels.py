"""Labels out of files and from servers."""

import json
from pathlib import Path

import pytest

from consumer.labels import LabelsUnavailable, is_remote, read_labels
from consumer.settings import ASSETS
from tests.consumer import rest
from tests.consumer.rest import Rest
from tests.suite import LOOPBACK, free_port

LABELS = {"0": "tench, Tinca tinca", "7": "cock"}


def test_a_file_is_read(tmp_path: Path) -> None:
    """Numbers become numbers, text stays text, in UTF-8."""
    (tmp_path / "labels.json").write_text(json.dumps({**LABELS, "3": "crème brûlée"}, ensure_ascii=False), "utf-8")

    assert read_labels(str(tmp_path / "labels.json")) == {0: "tench, Tinca tinca", 7: "cock", 3: "crème brûlée"}


def test_the_packaged_labels_are_whole() -> None:
    """A thousand classes of ImageNet, and the seven emotions."""
    imagenet = read_labels(str(ASSETS / "imagenetLabels.json"))

    assert sorted(imagenet) == list(range(1000))
    assert (imagenet[0], imagenet[285], imagenet[999]) == (
        *("tench, Tinca tinca", "Egyptian cat", "toilet tissue, toilet paper, bathroom tissue"),
    )
    assert sorted(read_labels(str(ASSETS / "emonetLabels.json"))) == list(range(7))


def test_a_server_is_asked() -> None:
    """As for a file."""
    with Rest(rest.status(200, LABELS)) as server:
        assert read_labels(f"{server.url}/labels.json") == {0: "tench, Tinca tinca", 7: "cock"}


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', '{"tench": 0}', "[" * 100_000, "\xff"])
def test_what_are_no_labels_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    """With the place, in one line."""
    path = tmp_path / "labels.json"
    path.write_text(text, "latin-1")

    with pytest.raises(LabelsUnavailable, match="not JSON of the form") as caught:
        read_labels(str(path))

    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_what_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    """Files, folders, servers, paths on servers."""
    with pytest.raises(LabelsUnavailable, match="No such file"):
        read_labels(str(tmp_path / "none.json"))
    with pytest.raises(LabelsUnavailable, match="Is a directory"):
        read_labels(str(tmp_path))
    with pytest.raises(LabelsUnavailable):
        read_labels(f"http://{LOOPBACK}:{free_port()}/labels.json")
    with Rest(rest.status(404)) as server, pytest.raises(LabelsUnavailable):
        read_labels(f"{server.url}/labels.json")


def test_only_what_comes_over_the_network_may_come_later() -> None:
    """A missing file is a wrong setting, a server that is down is not."""
    assert is_remote("http://server/labels.json")
    assert is_remote("https://server/labels.json")
    assert not is_remote("/src/assets/imagenetLabels.json")

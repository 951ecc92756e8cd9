"""The list of topics, and the command without a broker; tests/kafka/test_topics.py tests it with one."""

import re
from pathlib import Path

import pytest

from local.ports import free_port
from shared.bus import DeclaredTopic
from shared.errors import SettingsError
from shared.topics import main, read_list
from tests.suite import LOOPBACK, ROOT

KAFKA = ROOT / "kafka"
MIB = 1 << 20


def test_a_list_is_read(tmp_path: Path) -> None:
    """Numbers and booleans are written as Kafka writes them."""
    path = tmp_path / "topics.toml"
    path.write_text('[one]\npartitions = 3\n[one.config]\n"retention.ms" = 60_000\n"preallocate" = true\n')

    assert read_list(path) == [DeclaredTopic("one", 3, {"retention.ms": "60000", "preallocate": "true"})]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[one]\nconfig = {}", "[one] partitions: got None"),
        ("[one]\npartitions = 0", "[one] partitions: got 0"),
        ("[one]\npartitions = true", "[one] partitions: got True"),
        ("[one]\npartitions = 1\nreplicas = 3", "[one] must be a table of partitions and config"),
        (
            "[one]\npartitions = 1\n[one.config]\nretention.ms = 5",
            "[one] config: must be a table of Kafka's property names",
        ),
        ("one = 1", "[one] must be a table"),
        ("[one", "Expected"),
    ],
)
def test_a_wrong_list_names_the_place(tmp_path: Path, text: str, said: str) -> None:
    """Each mistake is one line with the file and the topic."""
    path = tmp_path / "topics.toml"
    path.write_text(text)

    with pytest.raises(SettingsError) as caught:
        read_list(path)

    assert len(caught.value.mistakes) == 1
    assert str(path) in caught.value.mistakes[0]
    assert said in caught.value.mistakes[0]


def test_a_missing_broker_is_waited_for_and_then_named(capfd: pytest.CaptureFixture[str]) -> None:
    """Progress lines, then one with the address, and status 1."""
    servers = f"{LOOPBACK}:{free_port()}"

    status = main([str(KAFKA / "topics.toml"), "--bootstrap", servers, "--wait", "0.5"])

    out, err = capfd.readouterr()
    progress, *_, last = err.splitlines()
    assert (status, out) == (1, "")
    assert progress.startswith(f"topics: waiting for {servers}, ")
    assert last == f"topics: no broker answered at {servers} within 0.5 s"


def test_a_missing_list_is_one_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """With status 2, before any broker is asked."""
    status = main([str(tmp_path / "none.toml"), "--bootstrap", "nowhere:1"])

    assert status == 2
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_the_disk_bounds_in_the_readme_follow_from_the_list() -> None:
    """kafka/README.md states the bound of every topic and the sum."""
    readme = (KAFKA / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ([\d,]+) MiB \|$", readme, re.MULTILINE))
    total = re.search(r"^\| all \|.*\| ([\d,]+) MiB \|$", readme, re.MULTILINE)
    assert total is not None

    computed = {
        topic.name: topic.partitions
        * (int(topic.config["retention.bytes"]) + int(topic.config["segment.bytes"]))
        // MIB
        for topic in read_list(KAFKA / "topics.toml")
    }

    assert {name: int(row.replace(",", "")) for name, row in rows.items()} == computed
    assert int(total[1].replace(",", "")) == sum(computed.values())

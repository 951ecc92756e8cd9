"""The command that makes topics as declared, against a real broker."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.kafka.node import Node
from local.kafka.parts import FOLDER
from shared.bus import DeclaredTopic, Topics
from tests.kafka.secured import SecuredNode, kafkaconfig
from tests.suite import ROOT

pytestmark = pytest.mark.kafka


def apply(
    kafka: Node, listed: Path = FOLDER / "topics.toml", *, listener: int = 0
) -> "subprocess.CompletedProcess[str]":
    """Run the command, on a secured bus as its user."""
    command = [sys.executable, "-m", "shared.topics", str(listed), "--bootstrap", kafka.servers[listener]]
    environment = {**os.environ, "KAFKACONFIG": json.dumps(kafkaconfig(kafka, "topics"))}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


def write_list(folder: Path, name: str, partitions: int, **config: str) -> Path:
    lines = [f"[{name}]", f"partitions = {partitions}", f"[{name}.config]"]
    lines += [f'"{key.replace("_", ".")}" = {value}' for key, value in config.items()]
    path = folder / "topics.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_declared_topics_are_created_and_a_second_run_changes_nothing(kafka: Node) -> None:
    """Missing topics are created, with one line each; existing ones stay as they are, at any listener."""
    first = apply(kafka)
    # That user proves itself by certificate, at the first listener only.
    second = apply(kafka, listener=0 if isinstance(kafka, SecuredNode) else -1)

    assert first.stdout.splitlines() == [
        "videocam: created with 12 partitions",
        "videodisplay: created with 12 partitions",
        "videopredictions: created with 12 partitions",
        "videostatus: created with 1 partitions",
        "videoaudit: created with 12 partitions",
    ]
    assert {line.partition(": ")[2] for line in second.stdout.splitlines()} == {"as declared"}
    assert (first.returncode, second.returncode) == (0, 0)


def test_what_differs_is_altered_back(kafka: Node, tmp_path: Path) -> None:
    """A property that was changed is set again, and the line states both values."""
    declared = write_list(tmp_path, "altered", 1, retention_ms="60000", segment_ms="60000")
    apply(kafka, declared)
    Topics(kafka.bus).apply(DeclaredTopic("altered", 1, {"retention.ms": "5"}))

    again = apply(kafka, declared)

    assert again.stdout == "altered: retention.ms 5 → 60000\n"
    assert apply(kafka, declared).stdout == "altered: as declared\n"


def test_partitions_are_added_and_never_removed(kafka: Node, tmp_path: Path) -> None:
    """If fewer are declared than exist, the line says that they are kept."""
    apply(kafka, write_list(tmp_path, "grown", 2))

    more = apply(kafka, write_list(tmp_path, "grown", 5))
    fewer = apply(kafka, write_list(tmp_path, "grown", 3))

    assert more.stdout == "grown: partitions 2 → 5\n"
    assert fewer.stdout == "grown: keeps its 5 partitions, 3 are declared\n"
    assert fewer.returncode == 0


def test_a_property_that_the_broker_refuses_is_one_line(kafka: Node, tmp_path: Path) -> None:
    """It states the broker's reason, without a traceback, and the status is 1."""
    refused = apply(kafka, write_list(tmp_path, "refused", 1, retention_ms="'soon'"))

    assert refused.returncode == 1
    assert refused.stderr.startswith("topics: refused: ")
    assert "soon" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1

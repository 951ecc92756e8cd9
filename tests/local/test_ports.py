"""Tests for local.ports: free ports."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local.ports import LOOPBACK, free_port

CHOOSE_MANY = "from local.ports import free_port; print(*(free_port() for _ in range(100)))"


@pytest.fixture(autouse=True)
def _count_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def test_no_outgoing_connection_is_given_the_port() -> None:
    """Otherwise a client could take it before the server that it was chosen for listens."""
    assert free_port() < 30_000


def test_a_port_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    """The next in turn is listened on, and stays whose it is."""
    free_port()
    (counter,) = tmp_path.iterdir()
    counter.write_text("5")
    first = free_port()
    with socket.create_server((LOOPBACK, first + 1)):
        assert free_port() == first + 2


def test_processes_never_choose_the_same() -> None:
    """Four processes choose a hundred ports each, at the same time."""
    command = [sys.executable, "-c", CHOOSE_MANY]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    chosen = [port for process in processes for port in process.communicate(timeout=60)[0].split()]

    assert len(chosen) == len(set(chosen)) == 400


def test_a_file_that_holds_no_number_is_begun_again(tmp_path: Path) -> None:
    """A disk that was full may have left it empty."""
    first = free_port()
    (counter,) = tmp_path.iterdir()
    counter.write_text("")

    assert free_port() >= 20_000
    assert first >= 20_000
    assert counter.read_text().isdecimal()

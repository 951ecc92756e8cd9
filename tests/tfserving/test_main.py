"""The stand-in as a process: its start, signals, readable mistakes."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.ports import free_port
from tests.processes import freeze, thaw
from tests.tfserving.serving import Client

DEADLINE_S = 60


@contextlib.contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-u", "-m", "tfserving", "--rest_api_host=127.0.0.1", *arguments]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def port_of(started: subprocess.Popen[str]) -> int:
    """Return the port from the line that says where it listens."""
    assert started.stdout is not None
    for line in started.stdout:
        if "Exporting HTTP/REST API at:" in line:
            return int(line.rstrip().rpartition(":")[2])
    raise AssertionError("the process did not print where it listens")


def wait_for_line(started: subprocess.Popen[str], text: str) -> None:
    """Read the output up to a line with a text."""
    assert started.stdout is not None
    assert any(text in line for line in started.stdout), f"the process did not print {text!r}"


def test_it_listens_once_its_model_is_loaded_and_ends_on_sigterm(
    tmp_path: Path, write_version: Callable[[Path, int, float], None]
) -> None:
    """As the real server: connections are refused until there is a version and it is available."""
    port = free_port()
    with process(f"--rest_api_port={port}", "--model_name=m", f"--model_base_path={tmp_path}") as started:
        wait_for_line(started, "no versions found under")
        with pytest.raises(ConnectionRefusedError):
            Client(port).get("/v1/models/m")
        write_version(tmp_path / "coming", 1, 2.0)
        (tmp_path / "coming" / "1").rename(tmp_path / "1")
        assert port_of(started) == port
        client = Client(port)
        metadata = client.get("/v1/models/m/metadata")
        prediction = client.post("/v1/models/m:predict", {"instances": [1.0]})
        began = time.monotonic()
        started.send_signal(signal.SIGTERM)
        output, errors = started.communicate(timeout=DEADLINE_S)

    assert metadata.status == 200
    assert prediction.json == {"predictions": [2.5]}
    assert started.returncode == 0
    assert time.monotonic() - began < DEADLINE_S
    assert "stopping" in output
    assert errors == ""


def test_a_model_that_cannot_be_loaded_ends_it_with_one_line(tmp_path: Path) -> None:
    """The message is the real server's, which tries five times a minute apart before."""
    (tmp_path / "1").mkdir()
    with process("--rest_api_port=0", "--model_name=m", f"--model_base_path={tmp_path}") as started:
        _output, errors = started.communicate(timeout=DEADLINE_S)

    assert started.returncode == 2
    (line,) = errors.splitlines()
    assert line.startswith(
        "tfserving: Failed to start server. Error: UNKNOWN: 1 servable(s) did not become available: "
        "{{{name: m version: 1} due to error: NOT_FOUND: Could not find SavedModel .pb or .pbtxt"
    )


def test_sigint_while_tensorflow_is_being_imported_ends_it_too(saved_models: Path) -> None:
    """Ctrl-C right after the start: status 0, no traceback."""
    with process("--rest_api_port=0", f"--model_base_path={saved_models / 'half_plus_two'}") as started:
        wait_for_line(started, "loading version 1")
        started.send_signal(signal.SIGINT)
        _output, errors = started.communicate(timeout=DEADLINE_S)

    assert started.returncode == 0
    assert "Traceback" not in errors


def test_a_second_signal_ends_it_at_once(saved_models: Path) -> None:
    """The first waits for calls and loads in progress; the second for nothing."""
    with process("--rest_api_port=0", f"--model_base_path={saved_models / 'half_plus_two'}") as started:
        port_of(started)
        started.send_signal(signal.SIGTERM)
        assert started.stdout is not None
        assert any("stopping" in line for line in started.stdout)
        freeze(started.pid)  # it must not end before the second signal is there
        started.send_signal(signal.SIGTERM)
        thaw(started.pid)
        started.communicate(timeout=DEADLINE_S)

    assert started.returncode == 128 + signal.SIGTERM


def test_a_taken_port_ends_it_with_one_line(tmp_path: Path) -> None:
    """No traceback, a status that is not zero."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with process(f"--rest_api_port={port}", f"--model_base_path={tmp_path}") as started:
            _output, errors = started.communicate(timeout=DEADLINE_S)

    assert started.returncode == 2
    assert errors.splitlines() == [
        f"tfserving: cannot listen on port {port} of 127.0.0.1: it is taken; choose another with --rest_api_port"
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--model_config_file=/nowhere"], "cannot read /nowhere"),
        ([], "--model_base_path"),
    ],
)
def test_a_mistake_in_the_command_line_is_one_line(arguments: list[str], complaint: str) -> None:
    """It has the value, and what would help."""
    with process(*arguments) as started:
        _output, errors = started.communicate(timeout=DEADLINE_S)

    assert started.returncode == 2
    (line,) = errors.splitlines()
    assert complaint in line


def test_labels_need_their_flag_at_the_start(tmp_path: Path) -> None:
    """The real server's message, and the flag that helps."""
    path = tmp_path / "c"
    path.write_text(
        f'model_config_list {{ config {{ name: "m" base_path: "{tmp_path}" model_platform: "tensorflow" '
        'version_labels { key: "stable" value: 1 } } }'
    )
    with process(f"--model_config_file={path}") as started:
        _output, errors = started.communicate(timeout=DEADLINE_S)

    assert started.returncode == 2
    assert "Request to assign label to version 1 of model m, which is not currently available" in errors
    assert "--allow_version_labels_for_unavailable_models" in errors

"""The stand-in as a process: early answers, signals, readable mistakes."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import freeze, thaw
from tests.tfserving.serving import Client, wait_until_served

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
    """Read the port off the line that says where it listens."""
    assert started.stdout is not None
    for line in started.stdout:
        if "Exporting HTTP/REST API at:" in line:
            return int(line.rstrip().rpartition(":")[2])
    raise AssertionError("it never said where it listens")


def test_it_answers_while_it_loads_and_ends_on_sigterm(saved_models: Path) -> None:
    """Listening comes before TensorFlow: first LOADING and 404, then predictions; SIGTERM ends it with 0."""
    base = saved_models / "half_plus_two"
    with process("--rest_api_port=0", "--model_name=m", f"--model_base_path={base}") as started:
        client = Client(port_of(started))
        early = client.get("/v1/models/m")
        early_prediction = client.post("/v1/models/m:predict", {"instances": [1.0]})
        wait_until_served(client, "m")
        prediction = client.post("/v1/models/m:predict", {"instances": [1.0]})
        began = time.monotonic()
        started.send_signal(signal.SIGTERM)
        output, errors = started.communicate(timeout=DEADLINE_S)

    assert early.json["model_version_status"][0]["state"] in ("START", "LOADING")
    assert early_prediction.status == 404
    assert early_prediction.error == "Servable not found for request: Latest(m)"
    assert prediction.json == {"predictions": [2.5]}
    assert started.returncode == 0
    assert time.monotonic() - began < DEADLINE_S
    assert "version 1 is available" in output
    assert errors == ""


def test_sigint_while_tensorflow_is_being_imported_ends_it_too(saved_models: Path) -> None:
    """Ctrl-C right after the start: status 0, nothing on standard error."""
    with process("--rest_api_port=0", f"--model_base_path={saved_models / 'half_plus_two'}") as started:
        port_of(started)
        started.send_signal(signal.SIGINT)
        _output, errors = started.communicate(timeout=DEADLINE_S)

    assert started.returncode == 0
    assert "Traceback" not in errors


def test_a_second_signal_ends_it_at_once(saved_models: Path) -> None:
    """The first waits for calls and loads that are on their way; the second for nothing."""
    with process("--rest_api_port=0", f"--model_base_path={saved_models / 'half_plus_two'}") as started:
        port_of(started)
        started.send_signal(signal.SIGTERM)
        assert started.stdout is not None
        assert any("stopping" in line for line in started.stdout)
        freeze(started.pid)  # it must not be done before the second one is there
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
    """What came, and what would help."""
    with process(*arguments) as started:
        _output, errors = started.communicate(timeout=DEADLINE_S)

    assert started.returncode == 2
    (line,) = errors.splitlines()
    assert complaint in line


def test_labels_need_their_flag_at_the_start(tmp_path: Path) -> None:
    """The real server's message, and how to get on."""
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

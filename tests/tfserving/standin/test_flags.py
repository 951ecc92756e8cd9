"""The command line of tensorflow_model_server."""

from pathlib import Path

import pytest

from tfserving.errors import SettingsError
from tfserving.standin.config import ModelConfig
from tfserving.standin.flags import parse_flags


def test_one_model_needs_a_name_and_a_path() -> None:
    """A usual command line, and its defaults."""
    flags = parse_flags(["--rest_api_port=8501", "--model_name=tfModel", "--model_base_path=/models/tfModel"])

    assert flags.models == [ModelConfig("tfModel", Path("/models/tfModel"))]
    assert flags.rest_api_port == 8501
    assert flags.intra_op_threads == 1
    assert flags.poll_wait_s == 1
    assert flags.rest_api_timeout_s == 30
    assert not flags.grpc_asked_for


def test_a_configuration_file_takes_precedence(tmp_path: Path) -> None:
    """Over name and path, as in the real server."""
    path = tmp_path / "c"
    path.write_text('model_config_list { config { name: "a" base_path: "/a" model_platform: "tensorflow" } }')

    flags = parse_flags([f"--model_config_file={path}", "--model_name=x", "--model_base_path=/x"])

    assert [model.name for model in flags.models] == ["a"]


def test_a_command_line_for_the_real_server_is_accepted() -> None:
    """Flags without effect are allowed; booleans may stand alone or have a value."""
    flags = parse_flags(
        [
            "--port=8500",
            "--model_base_path=/m",
            "--enable_batching",
            "--enable_model_warmup=false",
            "--num_load_threads=2",
            "--tensorflow_session_parallelism=3",
            "--rest_api_timeout_in_ms=0",
            "--allow_version_labels_for_unavailable_models=true",
        ]
    )

    assert flags.grpc_asked_for
    assert flags.intra_op_threads == flags.inter_op_threads == 3
    assert flags.rest_api_timeout_s is None
    assert flags.allow_labels_for_unavailable


def test_batching_parameters_set_the_limit(tmp_path: Path) -> None:
    """They need --enable_batching, as in the real server."""
    path = tmp_path / "b"
    path.write_text("max_batch_size { value: 3 }")

    flags = parse_flags(["--model_base_path=/m", "--enable_batching=true", f"--batching_parameters_file={path}"])

    assert flags.max_batch_rows == 3
    with pytest.raises(SettingsError, match="without --enable_batching"):
        parse_flags(["--model_base_path=/m", f"--batching_parameters_file={path}"])


def test_nothing_to_serve_is_a_mistake() -> None:
    """The message names the flags that help."""
    with pytest.raises(SettingsError, match="--model_base_path"):
        parse_flags([])


def test_the_two_ports_must_differ() -> None:
    """The message is the real server's."""
    with pytest.raises(SettingsError, match="--rest_api_port cannot be same as --port"):
        parse_flags(["--model_base_path=/m", "--port=8501", "--rest_api_port=8501"])


@pytest.mark.parametrize(
    "argument",
    ["--rest_api_port=70000", "--rest_api_port=x", "--enable_batching=maybe", "--rest_api_num_threads=0", "--nonsense"],
)
def test_a_wrong_value_ends_with_status_2_and_says_which(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The usage is printed, then a line with the flag and the value."""
    with pytest.raises(SystemExit) as caught:
        parse_flags(["--model_base_path=/m", argument])

    assert caught.value.code == 2
    name, _, value = argument.partition("=")
    last = capsys.readouterr().err.splitlines()[-1]
    assert name in last
    assert value in last


def test_the_help_says_what_it_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    """It does not belong in a cluster."""
    with pytest.raises(SystemExit):
        parse_flags(["--help"])

    text = capsys.readouterr().out
    assert "NOT TensorFlow Serving" in text
    assert "no gRPC" in text

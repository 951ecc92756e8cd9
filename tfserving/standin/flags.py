"""The flags of tensorflow_model_server that have an effect in the stand-in.

Names, defaults and meaning: tensorflow_serving/model_servers/main.cc.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfserving.errors import SettingsError
from tfserving.layout import Engine
from tfserving.standin.batcher import DEFAULT_MAX_ROWS
from tfserving.standin.config import ModelConfig, read_max_batch_size, read_model_config

_ABOUT = """\
A local stand-in for TensorFlow Serving: its REST API, flags and configuration file, on TensorFlow's
Python package or on ONNX Runtime, for development and tests on one machine.

It is NOT TensorFlow Serving: there is no gRPC, no :classify or :regress for models that have them, no
monitoring page, no TLS, no GPU settings, no remote file systems, and no promise of throughput. Images and
clusters run tensorflow/serving itself. Requests that arrive together are always batched, whatever
--enable_batching says.
"""

# Accepted without effect, so that a command line for the real server works here.
_IGNORED_FLAGS = (
    "enable_model_warmup",
    "flush_filesystem_caches",
    "grpc_channel_arguments",
    "model_config_file_poll_wait_seconds",
    "monitoring_config_file",
    "num_load_threads",
    "num_unload_threads",
    "max_num_load_retries",
    "load_retry_interval_micros",
    "per_process_gpu_memory_fraction",
    "saved_model_tags",
)


@dataclass(frozen=True)
class Flags:
    """The parsed command line."""

    models: list[ModelConfig]
    rest_api_host: str
    rest_api_port: int
    rest_api_num_threads: int
    rest_api_timeout_s: float | None
    poll_wait_s: float
    intra_op_threads: int
    inter_op_threads: int
    engine: Engine
    max_batch_rows: int
    allow_labels_for_unavailable: bool
    grpc_asked_for: bool


def parse_flags(arguments: Sequence[str] | None = None) -> Flags:
    """Read the command line and the files that it names.

    Raises:
        SettingsError: a value or a file is wrong; the message is one line.
        SystemExit: by argparse, after `--help` or a flag that does not exist.
    """
    options = _parser().parse_args(arguments)
    if options.rest_api_port == options.port:
        raise SettingsError("--rest_api_port cannot be same as --port. Please use a different port for HTTP/REST API.")
    if options.batching_parameters_file and not options.enable_batching:
        raise SettingsError("You supplied --batching_parameters_file without --enable_batching")
    max_rows = None
    if options.batching_parameters_file:
        max_rows = read_max_batch_size(Path(options.batching_parameters_file))
    threads = options.tensorflow_session_parallelism
    return Flags(
        models=_models(options),
        rest_api_host=options.rest_api_host,
        rest_api_port=options.rest_api_port,
        rest_api_num_threads=options.rest_api_num_threads,
        rest_api_timeout_s=options.rest_api_timeout_in_ms / 1000 if options.rest_api_timeout_in_ms > 0 else None,
        poll_wait_s=options.file_system_poll_wait_seconds,
        intra_op_threads=threads or options.tensorflow_intra_op_parallelism,
        inter_op_threads=threads or options.tensorflow_inter_op_parallelism,
        engine=options.engine,
        max_batch_rows=max_rows or DEFAULT_MAX_ROWS,
        allow_labels_for_unavailable=options.allow_version_labels_for_unavailable_models,
        grpc_asked_for=options.port is not None,
    )


def _models(options: argparse.Namespace) -> list[ModelConfig]:
    if options.model_config_file:
        return read_model_config(Path(options.model_config_file))
    if not options.model_base_path:
        raise SettingsError("nothing to serve: give --model_base_path=DIR or --model_config_file=FILE")
    return [ModelConfig(options.model_name, Path(options.model_base_path).absolute())]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tfserving",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        epilog="Accepted without effect: " + ", ".join(f"--{name}" for name in _IGNORED_FLAGS),
    )
    add = parser.add_argument
    add("--rest_api_port", type=_port, default=8501, metavar="N", help="port of the REST API (8501; 0: a free one)")
    add(
        "--rest_api_host",
        default="",
        metavar="ADDRESS",
        help="address to listen on (all); the real server has no such flag",
    )
    add("--model_name", default="default", metavar="NAME", help="name of the model (default)")
    add("--model_base_path", metavar="DIR", help="folder that holds one folder per version, named by a number")
    add("--model_config_file", metavar="FILE", help="ModelServerConfig in text format; instead of the two above")
    add(
        "--file_system_poll_wait_seconds",
        type=_not_negative,
        default=1,
        metavar="S",
        help="time between two looks for new versions (1; 0: look once)",
    )
    add(
        "--allow_version_labels_for_unavailable_models",
        type=_flag,
        nargs="?",
        const=True,
        default=False,
        metavar="BOOL",
        help="let a label name a version that is not loaded yet; at the start, none is",
    )
    add(
        "--tensorflow_intra_op_parallelism",
        type=_not_negative,
        default=1,
        metavar="N",
        help="threads for one operation (1, not all cores as the real one: a second one costs half as much "
        "CPU again and gains nothing for single pictures; 0: all cores)",
    )
    add(
        "--tensorflow_inter_op_parallelism",
        type=_not_negative,
        default=1,
        metavar="N",
        help="threads for operations side by side (1; 0: all cores)",
    )
    add("--tensorflow_session_parallelism", type=_not_negative, default=0, metavar="N", help="sets both of these")
    add(
        "--engine",
        type=Engine,
        choices=tuple(Engine),
        default=Engine.TENSORFLOW,
        help="what runs the models (tensorflow); onnxruntime: faster, in a fifth of the memory, for models that "
        "`python -m tfserving.export --engine onnxruntime` wrote; the real server has no such flag",
    )
    add(
        "--rest_api_timeout_in_ms",
        type=_not_negative,
        default=30000,
        metavar="MS",
        help="longest time for a call (30000; 0: no limit)",
    )
    add(
        "--rest_api_num_threads",
        type=_positive,
        default=4 * (os.cpu_count() or 1),
        metavar="N",
        help="requests worked on at the same time (4 per core)",
    )
    add("--enable_batching", type=_flag, nargs="?", const=True, default=False, metavar="BOOL", help="see above")
    add(
        "--batching_parameters_file",
        metavar="FILE",
        help="BatchingParameters in text format; only max_batch_size has an effect",
    )
    add("--port", type=_port, metavar="N", help="port of the gRPC API, which the stand-in does not have")
    for name in _IGNORED_FLAGS:
        add(f"--{name}", nargs="?", help=argparse.SUPPRESS)
    return parser


def _flag(text: str) -> bool:
    # tensorflow/core/util/command_line_flags.cc: true, 1, false, 0
    try:
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    except KeyError:
        raise argparse.ArgumentTypeError(f"{text!r} is not true or false") from None


def _whole(text: str, low: int, high: int | None = None) -> int:
    if not text.isdecimal() or int(text) < low or (high is not None and int(text) > high):
        upper = "" if high is None else f" to {high}"
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low}{upper}")
    return int(text)


def _port(text: str) -> int:
    return _whole(text, 0, 65535)


def _not_negative(text: str) -> int:
    return _whole(text, 0)


def _positive(text: str) -> int:
    return _whole(text, 1)

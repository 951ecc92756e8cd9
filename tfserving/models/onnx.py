"""Write an exported model as ONNX, for servers that run ONNX."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tfserving.errors import ExportError
from tfserving.layout import version_folders
from tfserving.models import cache
from tfserving.models.progress import step

# The converter and what it needs beyond the extra `tfserving`. It is not among the dependencies: it would hold back
# the versions of protobuf and NumPy.
PACKAGES = ("tf2onnx==1.17.0", "onnx==1.23.2", "requests")
OPERATIONS = 17  # version of ONNX's set of operations


def write_onnx(base: Path, target: Path, *, signature: str = "tensor") -> Path:
    """Convert the newest version of an exported model; return `target`.

    The file appears whole or not at all.

    Args:
        base: the model's base path.
        target: file to write.
        signature: the one to convert: an ONNX server decodes no JPEG.

    Raises:
        ExportError: the model has no such signature, the converter cannot be fetched, or it fails.
    """
    newest = list(version_folders(base).values())[-1]
    _check_signature(newest, base.name, signature)
    packages = converter()
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    command = [sys.executable, "-m", "tf2onnx.convert", f"--saved-model={newest}", f"--signature_def={signature}"]
    command += [f"--opset={OPERATIONS}", f"--output={partial}"]
    environment = {**os.environ, "PYTHONPATH": str(packages), "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        with step(f"converting {base.name} to ONNX"):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode or not partial.is_file():
            reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
            raise ExportError(f"tf2onnx could not convert {base.name}: {reason}")
        partial.replace(target)
    except OSError as exc:
        raise ExportError(f"cannot write {target}: {exc.strerror or exc}") from exc
    finally:
        partial.unlink(missing_ok=True)
    return target


def _check_signature(version: Path, name: str, signature: str) -> None:
    """Raise ExportError if there is no such signature: the converter's own message does not say which there are."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    found = SavedModel()
    found.ParseFromString((version / "saved_model.pb").read_bytes())
    names = [one for one in found.meta_graphs[0].signature_def if not one.startswith("__")]
    if signature not in names:
        raise ExportError(f"{name} has no signature {signature!r}; allowed: {', '.join(sorted(names))}")


def converter() -> Path:
    """Return the folder with the converter's packages; fetch them on first use.

    Raises:
        ExportError: they cannot be fetched.
    """
    folder = cache.weights_folder().with_name("converters") / PACKAGES[0].replace("==", "-")
    try:
        cache.make_private(folder.parent)
        with cache.locked(folder):
            if not folder.is_dir():
                _install(folder)
    except OSError as exc:
        raise ExportError(f"cannot write {folder}: {exc.strerror or exc}") from exc
    return folder


def _install(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.partial-", dir=folder.parent) as name:
        partial = Path(name, "packages")
        command = [sys.executable, "-m", "pip", "install", "--no-deps", "--disable-pip-version-check", "--quiet"]
        with step(f"fetching {' and '.join(PACKAGES[:2])}"):
            done = subprocess.run(
                [*command, f"--target={partial}", *PACKAGES], capture_output=True, text=True, check=False
            )
        if done.returncode:
            shutil.rmtree(partial, ignore_errors=True)
            reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
            raise ExportError(f"the converter to ONNX could not be fetched: {reason}")
        partial.rename(folder)

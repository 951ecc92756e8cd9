"""Virtual environments of the real model servers.

Their dependencies conflict with the project's and with each other's. An environment is made once, in `.venv-servers`,
and again when its list of packages has changed.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.requirements import need
from tests.suite import ROOT

FOLDER = ROOT / ".venv-servers"
INSTALL_S = 900
_failures: dict[str, str] = {}
_PIP = ("-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-deps", "-r")


def environment(name: str) -> Path:
    """Return the folder of a server's programs; skip the test where it cannot be installed, or fail it.

    Args:
        name: `mlserver` or `kserve`: the list of packages beside this file.
    """
    packages = Path(__file__).parent / f"{name}.txt"
    wanted = hashlib.sha256(packages.read_bytes() + sys.version.encode()).hexdigest()
    folder = FOLDER / name
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f".{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        complete = folder / ".complete"
        if not complete.is_file() or complete.read_text() != wanted:
            reason = _failures.get(name) or _install(folder, packages)
            _failures[name] = reason  # of several tests only the first one tries
            need(name, present=not reason, install=f"pip install -r {packages.relative_to(ROOT)}: {reason}")
            complete.write_text(wanted)
    return folder / "bin"


def _install(folder: Path, packages: Path) -> str:
    """Make the environment; return why it cannot be made, in one line, empty if it was made."""
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "bin" / "python"
    # An index of packages that the machine's owner has configured counts; an environment of the caller's does not.
    variables = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    for command in ([sys.executable, "-m", "venv", str(folder)], [str(python), *_PIP, str(packages)]):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=INSTALL_S, env=variables
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            return str(exc)[:200]
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["it gave no reason"])[-1][:200]
    return ""

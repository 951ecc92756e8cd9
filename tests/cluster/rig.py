"""The one-node Kubernetes of ../shared/cluster: started, given images, stopped by its own scripts.

`python -m tests.cluster.rig` tells by its status whether its binaries are built.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.images.docker import docker
from tests.suite import ROOT

FOLDER = Path(os.environ.get("CLUSTER", ROOT.parent / "shared" / "cluster"))
START_S = 300.0
LOAD_S = 900.0  # gigabytes are unpacked


def built() -> bool:
    """Return whether the cluster's binaries are there; building them takes 20 minutes."""
    if not (FOLDER / "env.sh").is_file():
        return False
    programs = ("kube", "kubelet", "kubectl", "coredns", "netpol", "pki")
    return _succeeds(" && ".join(f'[ -x "$BIN/{program}" ]' for program in programs))


class Rig:
    """A running cluster; one that was up before is used, and left as it was."""

    def __init__(self) -> None:
        self.found = _succeeds('alive kube-apiserver "$(cat "$PIDS/kube-apiserver")"')
        if not self.found:
            _run([str(FOLDER / "down.sh")], START_S)  # what a killed run left
            _run([str(FOLDER / "up.sh")], START_S)
        self.environment = {
            "KUBECONFIG": value("$KUBECONFIG"),
            "PATH": f"{value('$BIN')}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/root"),
        }
        """For kubectl."""

    def load(self, images: Mapping[str, str]) -> None:
        """Make docker's images known to the node, each by the name that manifests give it.

        Args:
            images: name in a manifest -> name in docker.
        """
        ids = {name: docker("image", "inspect", "--format={{.Id}}", built).strip() for name, built in images.items()}
        note = Path(value("$S")) / "loaded.json"  # goes with the node's images
        known = json.loads(note.read_text()) if note.is_file() else {}
        missing = {name: built for name, built in sorted(images.items()) if known.get(name) != ids[name]}
        if not missing:
            return
        for name, built in missing.items():
            docker("tag", built, name)
        save, load = shlex.join(["docker", "save", *missing]), shlex.quote(str(FOLDER / "load-image.sh"))
        _run(["bash", "-c", f"set -o pipefail; {save} | {load} /dev/stdin"], LOAD_S)
        note.write_text(json.dumps(ids))

    def stop(self) -> None:
        """Stop it and remove its state, if it was started here."""
        if not self.found:
            _run([str(FOLDER / "down.sh")], START_S)


def value(expression: str) -> str:
    """Return what an expression of the cluster's own scripts means, such as `$BIN`."""
    return _sourced(f'printf %s "{expression}"', 10)


def _succeeds(script: str) -> bool:
    return subprocess.run(["bash", "-c", f"{_environment()}{script}"], capture_output=True, check=False).returncode == 0


def _sourced(script: str, timeout_s: float) -> str:
    return _run(["bash", "-c", f"set -e; {_environment()}{script}"], timeout_s)


def _environment() -> str:
    # env.sh finds its folder by its own name.
    return f". {shlex.quote(str(FOLDER / 'env.sh'))}; "


def _run(command: list[str], timeout_s: float) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


if __name__ == "__main__":
    sys.exit(not built())

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_until

SLEEPER = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
# Starts a child, passes on its process id, and ends without caring for it.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "shared.child", *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
print(child.stdout.readline().strip(), flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
@pytest.mark.parametrize("how", ["module", "program"])
def test_a_child_ends_when_its_parent_is_killed(how: str, tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    arguments = ["sleeper"] if how == "module" else ["--nice", "1", "--exec", sys.executable, "-c", SLEEPER]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _lives(pid)
        parent.kill()

    wait_until(lambda: not _lives(pid), "the child ends")


def _lives(pid: int) -> bool:
    try:
        return (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]) not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False

"""The first moment of a service."""

import os
import signal
import subprocess
import sys
from pathlib import Path

SLOW = """
import os, signal
os.write(1, b"importing")
signal.pause()
"""

BRIEF = """
import threading

def main():
    threading.Thread(target=threading.Event().wait).start()
    print("a last word", end="")
    return 7
"""


def starting(folder: Path, module: str) -> list[str]:
    """Return the command that starts a module of a folder as services are started."""
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); from shared.process.startup import start; start({module!r})"
    )
    return [sys.executable, "-c", code]


def test_sigterm_during_the_imports_ends_the_process(tmp_path: Path) -> None:
    """Status 0: it was asked to end, and had nothing to do yet."""
    (tmp_path / "slow.py").write_text(SLOW)
    process = subprocess.Popen(starting(tmp_path, "slow"), stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.read(9) == b"importing"

        process.send_signal(signal.SIGTERM)

        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_status_of_main_is_the_status_of_the_process(tmp_path: Path) -> None:
    """Whoever still waits for something is not waited for, and what was said is out."""
    (tmp_path / "brief.py").write_text(BRIEF)

    done = subprocess.run(starting(tmp_path, "brief"), stdout=subprocess.PIPE, check=False, timeout=30)

    assert (done.returncode, done.stdout) == (7, b"a last word")


def test_an_unread_pipe_does_not_change_the_exit_status(tmp_path: Path) -> None:
    """Whoever started the process may have gone before it."""
    (tmp_path / "brief.py").write_text(BRIEF)
    buffered = dict(os.environ, PYTHONUNBUFFERED="")
    process = subprocess.Popen(starting(tmp_path, "brief"), stdout=subprocess.PIPE, env=buffered)
    try:
        assert process.stdout is not None
        process.stdout.close()

        assert process.wait(30) == 7
    finally:
        process.kill()
        process.wait()

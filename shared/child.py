"""Runs a module as a program that ends when its parent does: `python -m shared.child [--nice N] MODULE [ARG …]`.

`--exec PROGRAM [ARG …]` in place of the module: a program that is not Python; the leash stays on through exec(3).

The suite starts every process this way, so that none is left behind even when the suite itself is killed.
"""

import ctypes
import os
import runpy
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1  # prctl(2); Linux only


def main(argv: Sequence[str]) -> None:
    """Put this process on a leash, then become the module or the program."""
    arguments = list(argv)
    parent = os.getppid()
    if arguments[:1] == ["--nice"]:
        os.nice(int(arguments[1]))
        del arguments[:2]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent or parent == 1:  # it died before the leash was on
            raise SystemExit(1)
    if arguments[:1] == ["--exec"]:
        os.execvp(arguments[1], arguments[1:])  # noqa: S606 - the point of it
    module, *rest = arguments
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])

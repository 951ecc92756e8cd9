"""Processes that end when their parent does.

`python -m shared.child [--nice N] MODULE [ARG …]` runs a module as such a process, and
`python -m shared.child [--nice N] --exec PROGRAM [ARG …]` a program that is not Python.

`make run` starts every process this way, so that none is left behind even if `make run` itself is killed.
"""

import ctypes
import os
import runpy
import signal
import sys
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1  # prctl(2)


def end_with_parent(number: signal.Signals, *, parent: int | None = None) -> None:
    """Have the kernel send this process a signal when the thread that started it ends. Linux only; elsewhere no effect.

    The setting survives exec(3) (prctl(2)).

    Args:
        number: the signal.
        parent: process id that the parent had at the start. The process exits with status 1 if that is no longer its
            parent; pass it where nothing else would notice a parent that ended before this call.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if parent is not None and (os.getppid() != parent or parent == 1):
        raise SystemExit(1)


def main(argv: Sequence[str]) -> None:
    """Tie this process to its parent, then become the module or the program."""
    parent = os.getppid()
    arguments = list(argv)
    if arguments[:1] == ["--nice"]:
        os.nice(int(arguments[1]))
        del arguments[:2]
    end_with_parent(signal.SIGTERM, parent=parent)
    if arguments[:1] == ["--exec"]:
        os.execvp(arguments[1], arguments[1:])  # noqa: S606 - no shell is wanted
    module, *rest = arguments
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])

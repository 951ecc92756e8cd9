"""Runs a module on one core: `python -m bench.pinned CORE MODULE [ARGUMENT …]`, all its threads included."""

import os
import runpy
import sys

if __name__ == "__main__":
    _, core, module, *rest = sys.argv
    os.sched_setaffinity(0, {int(core)})
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)

"""The limits of a capture, in processes of their own: they cannot be taken back."""

import subprocess
import sys

import pytest

from producer.limits import MEMORY_BYTES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")

_CONFINED = """
from pathlib import Path
import numpy as np
from producer.limits import confine
confine()
print(Path("/proc/self/oom_score_adj").read_text().strip())
try:
    np.ones({size}, np.uint8)
except MemoryError:
    print("refused")
else:
    print("given")
"""


@pytest.mark.parametrize(("share", "outcome"), [(0.8, "given"), (1.2, "refused")])
def test_memory_is_limited(share: float, outcome: str) -> None:
    """A confined process gets the memory that pictures need, and no more; the kernel would end it first."""
    code = _CONFINED.format(size=int(share * MEMORY_BYTES))

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said.split() == ["1000", outcome]

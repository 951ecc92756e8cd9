import subprocess
import sys

import pytest

from tests.suite import ROOT, bare_environment


@pytest.mark.parametrize(("require_all", "status"), [("", 0), ("1", 1)])
def test_a_machine_without_java_is_told_what_to_install(require_all: str, status: int) -> None:
    """In one line; and where every part is required, that is a failure."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak"],
        env=bare_environment() | {"PATH": "", "REQUIRE_ALL": require_all},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == status
    assert done.stderr == "soak: Java 17 is missing; on Debian: apt-get install openjdk-17-jre-headless\n"
    assert done.stdout == ""

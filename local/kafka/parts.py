"""What a real Kafka needs of this machine: Java 17, and the jars that Maven fetches once into the cache."""

import os
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from shared.errors import SuiteError
from tfserving.cache import models_folder

FOLDER = Path(__file__).parents[2] / "kafka"
POM = FOLDER / "pom.xml"
OLDEST_JAVA = 17
FETCH_WITHIN_S = 600.0
INSTALL_JAVA = "on Debian: apt-get install openjdk-17-jre-headless"
INSTALL_MAVEN = "on Debian: apt-get install maven"
_NAMESPACE = "{http://maven.apache.org/POM/4.0.0}"

Waiting = Callable[[str], AbstractContextManager[None]]


class PartMissing(SuiteError):
    """This machine lacks what Kafka needs; the message says what, and how to get it."""


def java() -> Path:
    """Return the `java` that starts Kafka: the one of JAVA_HOME, else the one on the PATH.

    Raises:
        PartMissing: there is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if found is None:
        raise PartMissing(f"Java {OLDEST_JAVA} is missing; {INSTALL_JAVA}")
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise PartMissing(f"{found} is not Java {OLDEST_JAVA} or later; {INSTALL_JAVA}")
    return Path(found)


def cache_folder() -> Path:
    """Return the folder of everything that is kept of Kafka: jars by version, and the data of `make kafka`."""
    return models_folder().parent / "kafka"


def version() -> str:
    """Return the version of Kafka that the pom names."""
    found = ET.parse(POM).getroot().findtext(f"{_NAMESPACE}properties/{_NAMESPACE}kafka.version")  # noqa: S314 - our own file
    if found is None:
        raise ValueError(f"{POM} names no kafka.version")
    return found


def jars(waiting: Waiting = lambda _: nullcontext()) -> Path:
    """Return the folder of the jars, which Maven fills first if they are not there, or the pom has changed since.

    Args:
        waiting: shows what is waited for while the block runs.

    Raises:
        PartMissing: they are not there, and there is no Maven, or it failed.
    """
    folder = cache_folder() / version()
    if not is_complete(folder):
        with waiting(f"fetching Kafka {version()} with Maven, 45 MB, once"):
            _fetch(folder)
    return folder / "jars"


def is_complete(folder: Path) -> bool:
    """Tell whether a folder holds the jars of today's pom."""
    try:
        return (folder / "pom.xml").read_bytes() == POM.read_bytes()
    except OSError:
        return False


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise PartMissing(f"Maven is missing; {INSTALL_MAVEN}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder.parent) as unfinished:
        new = Path(unfinished) / "new"
        command = [maven, "-B", "-q", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        done = subprocess.run(
            [*command, f"-DoutputDirectory={new / 'jars'}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=FETCH_WITHIN_S,
        )
        if done.returncode:
            raise PartMissing(f"Maven did not fetch Kafka: {_first_error(done.stdout + done.stderr)}")
        shutil.copyfile(POM, new / "pom.xml")
        # Put in place as a whole: what is there is complete, whenever this process is killed.
        if folder.exists():
            folder.rename(Path(unfinished) / "old")
        new.rename(folder)


def _first_error(text: str) -> str:
    return next((line for line in text.splitlines() if "ERROR" in line), "it said nothing")

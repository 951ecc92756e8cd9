"""What a real Kafka needs of this machine: Java 17, and the jars that Maven fetches once into the cache."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from shared.cache import cache_folder
from shared.errors import SuiteError

FOLDER = Path(__file__).parents[2] / "kafka"
POM = FOLDER / "pom.xml"
ZOOKEEPER_POM = FOLDER / "zookeeper" / "pom.xml"  # the last Kafka that works with ZooKeeper
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


def kafka_cache() -> Path:
    """Return the folder of the jars, by version, and of the brokers' data."""
    return cache_folder() / "kafka"


def data_folder(first_port: int, *, zookeeper: bool = False) -> Path:
    """Return where a broker keeps its data unless told otherwise: a folder for each first port, and each form."""
    return kafka_cache() / f"data-{'zookeeper-' if zookeeper else ''}{first_port}"


def version(pom: Path = POM) -> str:
    """Return the version of Kafka that a pom names."""
    found = ET.parse(pom).getroot().findtext(f"{_NAMESPACE}properties/{_NAMESPACE}kafka.version")  # noqa: S314 - our own file
    if found is None:
        raise ValueError(f"{pom} names no kafka.version")
    return found


def jars(waiting: Waiting = lambda _: nullcontext(), *, pom: Path = POM) -> Path:
    """Return the folder of the jars that a pom names; Maven fills it first if it is not there.

    Args:
        waiting: shows what is waited for while the block runs.
        pom: which Kafka.

    Raises:
        PartMissing: they are not there, and there is no Maven, or it failed.
    """
    folder = _folder(pom)
    if not folder.is_dir():
        with waiting(f"fetching Kafka {version(pom)} with Maven, 45 MB, once"):
            _fetch(pom, folder)
    return folder


def are_there(pom: Path = POM) -> bool:
    """Tell whether the jars that a pom names are in the cache."""
    return _folder(pom).is_dir()


def _folder(pom: Path) -> Path:
    # By the pom's contents as well: another one must not take away the jars that a running Kafka reads.
    return kafka_cache() / f"{version(pom)}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:8]}"


def _fetch(pom: Path, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise PartMissing(f"Maven is missing; {INSTALL_MAVEN}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder.parent) as unfinished:
        new = Path(unfinished) / "jars"
        command = [maven, "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        done = subprocess.run(
            [*command, f"-DoutputDirectory={new}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=FETCH_WITHIN_S,
        )
        if done.returncode:
            raise PartMissing(f"Maven did not fetch Kafka: {_first_error(done.stdout + done.stderr)}")
        # Put in place as a whole: what is there is complete, whenever this process is killed.
        try:
            new.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was quicker
                raise


def _first_error(text: str) -> str:
    return next((line for line in text.splitlines() if "ERROR" in line), "it said nothing")

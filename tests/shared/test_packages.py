import sys
from pathlib import Path

import pytest

from shared.packages import data_file


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that fails if it is imported."""
    folder = tmp_path / "fragile_package"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError")
    for name in ("b.bin", "a.bin"):
        (folder / "data" / name).write_text(name)
    monkeypatch.syspath_prepend(tmp_path)
    return folder.name


@pytest.mark.parametrize(("pattern", "name"), [("data/b.bin", "b.bin"), ("data/*.bin", "a.bin")])
def test_a_file_is_found_without_importing_its_package(package: str, pattern: str, name: str) -> None:
    found = data_file(package, pattern)

    assert found is not None
    assert found.read_text() == name
    assert package not in sys.modules


@pytest.mark.parametrize("pattern", ["data/c.bin", "*.pth", "data"])
def test_no_such_file_is_none(package: str, pattern: str) -> None:
    assert data_file(package, pattern) is None


def test_no_such_package_is_none() -> None:
    assert data_file("package_that_is_not_installed", "file") is None

"""The image's export stage has every file that the export imports."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.suite import ROOT


def test_the_export_runs_with_the_files_that_the_stage_copies_before_it(tmp_path: Path) -> None:
    """In a folder with nothing else of the project; the packages are those of this environment."""
    before = (ROOT / "tfserving" / "Dockerfile").read_text().partition("RUN python -m tfserving.export")[0]
    for line in before.splitlines():
        if line.startswith("COPY ") and " /app/" in line:
            *sources, target = line.split()[1:]
            for source in sources:
                _copy(ROOT / source, tmp_path / Path(target).relative_to("/app"), whole=source.endswith("/"))

    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); " + _RUN]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)

    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("tfserving.export: there is no model 'none'")
    assert str(tmp_path) in done.stdout


_RUN = """
import tfserving.models.command as command
print(command.__file__)
sys.exit(command.main(["none"]))
"""


def _copy(source: Path, target: Path, *, whole: bool) -> None:
    if whole:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)

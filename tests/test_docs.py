"""The documents agree with the repository: files, headings, functions and commands that they name exist."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for folder in (".", "docs", "kafka", "producer/rtsp", "producer/mjpeg")
    for path in (ROOT / folder).glob("*.md")
)
# What a document may not point to: it is not in the repository.
ELSEWHERE = re.compile(
    r"\bdesign(?:\.md)?[,`]* (?:section|chapter)|\.\./shared/(?!cluster)|\bhouse\.md\b|\bstyle\.md\b"
)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as GitHub derives them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link names a file, and a heading of it if it has an anchor."""
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text(encoding="utf-8")), target


def test_nothing_cites_a_document_outside_the_repository() -> None:
    """Code and documents explain themselves."""
    files = subprocess.check_output(["git", "-C", str(ROOT), "ls-files", "-z"], text=True).split("\0")
    for name in filter(None, files):
        path = ROOT / name
        if path.suffix in {".md", ".py", ".js", ".css", ".html", ".yml", ".yaml", ".toml", ".sh"} and path.exists():
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                assert path == Path(__file__) or not ELSEWHERE.search(line), f"{name}:{number}: {line.strip()}"

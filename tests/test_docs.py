"""The documents agree with the repository: files, headings, functions and commands that they name exist."""

import ast
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
# Named in examples.
WRITTEN_BY_USERS = {"compose/.env", "compose/my-model.yml", "artefacts/soak.json"} | {
    "kafka/secured/credentials/secrets.yml"
}
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


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_files_exist(path: Path) -> None:
    """Every file and folder of the repository that a document names between backticks is there."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for name in re.findall(r"`((?:[\w.-]+/)+(?:[\w-]+\.[a-z]+)?)`", text):
        if (ROOT / name.split("/")[0]).is_dir() and name not in WRITTEN_BY_USERS:
            assert (ROOT / name).exists() or (path.parent / name).exists(), name


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_make_targets_exist(path: Path) -> None:
    """Every `make TARGET` that a document names is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    commands = re.findall(r"(?:`|^|&& |\|\| )make ([a-z][a-z -]*[a-z])", path.read_text(encoding="utf-8"), re.MULTILINE)

    assert {target for command in commands for target in command.split()} <= targets


@pytest.mark.parametrize("document", ["docs/architecture.md", "SECURITY.md"])
def test_functions_and_constants_exist(document: str) -> None:
    """Every `file.py:function`, `file.py:Class.method` or `file.py:CONSTANT` that a document names is defined there."""
    named = re.findall(r"`([\w/]+\.(?:py|js)):([\w.]+)`", (ROOT / document).read_text(encoding="utf-8"))

    assert named
    assert [f"{file}:{name}" for file, name in named if name not in defined(ROOT / file)] == []


def defined(path: Path) -> set[str]:
    """Return the names that a file defines: functions, classes, constants, and methods as `Class.method`."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".js":
        return set(re.findall(r"^(?:export )?(?:async )?(?:function|class) (\w+)", text, re.MULTILINE))
    found = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        if isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.ClassDef):
            inner = (one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
            found |= {f"{node.name}.{one.name}" for one in inner}
    return found


def test_nothing_cites_a_document_outside_the_repository() -> None:
    """Code and documents explain themselves."""
    files = subprocess.check_output(["git", "-C", str(ROOT), "ls-files", "-z"], text=True).split("\0")
    for name in filter(None, files):
        path = ROOT / name
        if path.suffix in {".md", ".py", ".js", ".css", ".html", ".yml", ".yaml", ".toml", ".sh"} and path.exists():
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                assert path == Path(__file__) or not ELSEWHERE.search(line), f"{name}:{number}: {line.strip()}"

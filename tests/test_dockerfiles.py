"""The Dockerfiles keep those promises that can be checked without Docker."""

import re
import subprocess
import tomllib

import pytest

from local.services import SETTINGS
from tests.suite import ROOT

IMAGES = (*SETTINGS, "tfserving")


def dockerfile(name: str) -> str:
    return (ROOT / name / "Dockerfile").read_text()


def stages(name: str) -> list[str]:
    """The stages of a Dockerfile, with what stands before the first."""
    return re.split(r"(?m)^(?=FROM )", dockerfile(name))


@pytest.mark.parametrize("name", IMAGES)
def test_has_the_projects_version(name: str) -> None:
    """An image built without arguments bears the version of the project."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert f"\nARG VERSION={version}\n" in dockerfile(name)


@pytest.mark.parametrize("name", IMAGES)
def test_bases_are_arguments_and_pinned(name: str) -> None:
    """A base is named once, to the last part of its version, and may be another one."""
    head, *built = stages(name)
    bases = dict(re.findall(r"(?m)^ARG (\w*BASE)=(\S+)$", head))

    assert all(re.search(r":\d+\.\d+\.\d+", image) for image in bases.values())
    assert {stage.split()[1].removeprefix("$") for stage in built} == bases.keys()


def test_make_lists_what_every_image_contains() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    command = ["make", "--dry-run", "--no-print-directory", "sbom"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout

    assert set(said.splitlines()[-1].rpartition(" sbom ")[2].split()) == {f"{name}:{version}" for name in IMAGES}


@pytest.mark.parametrize("name", IMAGES)
def test_packages_are_installed_by_hash(name: str) -> None:
    """Whatever pip installs in a stage is known by its hash, and nothing else is fetched beside it."""
    installs = re.findall(r"pip\b[^&;]*\binstall\b([^&;]*)", dockerfile(name))

    assert installs
    assert all({"--require-hashes", "--no-deps"} <= set(words.split()) for words in installs)


def test_services_are_built_in_the_same_way() -> None:
    """Each Dockerfile is whole by itself, hence the stages stand in three: alike but for the service's name."""
    builders = {tuple(re.sub(rf"\b{name}\b", "SERVICE", stage) for stage in stages(name)[:-1]) for name in SETTINGS}
    # What is in none or one of them: the labels' folders, the description, the ports.
    own = re.compile(r"(?m)^(?:EXPOSE .*|.*image\.description.*|# Where the original.*|RUN (?:.*\\\n)*.*)\n")
    lasts = {re.sub(rf"\b{name}\b", "SERVICE", own.sub("", stages(name)[-1])) for name in SETTINGS}

    assert len(builders) == 1
    assert len(lasts) == 1

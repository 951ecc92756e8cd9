"""The pinned packages of the images are those that were tested, all of them, and each file is known by its hash."""

import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from supply_chain import requirements
from tests.suite import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TESTED: dict[str, str] = {
    str(canonicalize_name(name)): version
    for name, _, version in (line.partition("==") for line in (ROOT / "constraints.txt").read_text().split("\n"))
    if version
}


OF_THE_ENVIRONMENT = {"pip", "setuptools", "wheel"}
"""Tools of pip, which `pip freeze` leaves out."""


def direct(image: str) -> list[Requirement]:
    """Return what the project asks for."""
    return [Requirement(line) for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"][image]]]


def all_needed(wanted: list[Requirement]) -> set[str]:
    """Return the names of all packages that requirements bring, on this platform, by what is installed here."""
    found: set[str] = set()
    waiting = [(requirement, extra) for requirement in wanted for extra in ("", *requirement.extras)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate():
            continue
        found.add(name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for line in metadata.requires(name) or ():
            further = Requirement(line)
            if further.marker is None or further.marker.evaluate({"extra": extra}):
                further.marker = None
                waiting += [(further, inner) for inner in ("", *further.extras)]
    return found


def test_every_service_has_pins() -> None:
    assert {"producer", "consumer", "video"} <= set(requirements.images())


@pytest.mark.parametrize("image", requirements.images())
def test_pins_are_what_was_tested(image: str) -> None:
    pins = requirements.pins(image)
    pinned = {name: pin.version for name, pin in pins.items() if pin.here and name not in OF_THE_ENVIRONMENT}
    assert pinned == {name: TESTED.get(name) for name in pinned}
    for requirement in direct(image):
        if requirement.marker is None or requirement.marker.evaluate():
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)].version)


@pytest.mark.parametrize("image", requirements.images())
def test_pins_are_complete(image: str) -> None:
    """`pip install --no-deps` must find everything; what is pinned and not needed here is for other platforms."""
    pins = requirements.pins(image)
    assert {name for name, pin in pins.items() if pin.here} == all_needed(direct(image))


@pytest.mark.parametrize("image", requirements.images())
def test_every_file_has_a_hash(image: str) -> None:
    assert all(pin.hashes for pin in requirements.pins(image).values())

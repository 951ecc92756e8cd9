"""Builds the kustomizations, and finds out which objects they have in common."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

Object: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str]
"""Kind and name of an object."""

HERE = Path(__file__).resolve().parent.parent
DEFAULT, EXTENDED = "default", "extended"
NAMESPACE = "machine-learning-deployment"
_BUILD_S = 120.0


class CannotBuildError(Exception):
    """A kustomization does not build; the message says why."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One form of an object, and the overlays that have it in this form."""

    content: Object
    overlays: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What all overlays together hold.

    Attributes:
        overlays: their names, `default` for `kubectl apply -k k8s` first.
        objects: the forms of each object, by kind and name.
        monitoring: the objects of k8s/monitoring, which overlays do not contain.
    """

    overlays: tuple[str, ...]
    objects: Mapping[Key, list[Variant]]
    monitoring: list[Object] = field(default_factory=list)


def overlays() -> dict[str, Path]:
    """Return the folder of each overlay by its name; the extended original's suite is one of them."""
    found = {folder.parent.name: folder.parent for folder in sorted((HERE / "overlays").glob("*/kustomization.yaml"))}
    return {DEFAULT: HERE, EXTENDED: HERE / EXTENDED, **found}


def read() -> Deployment:
    """Build every overlay.

    Raises:
        CannotBuildError: one of them does not build, or there is no program that builds.
    """
    folders = overlays()
    forms: dict[Key, dict[str, tuple[Object, list[str]]]] = {}
    for name, folder in folders.items():
        for content in build(folder):
            same = forms.setdefault(key_of(content), {})
            same.setdefault(json.dumps(content, sort_keys=True), (content, []))[1].append(name)
    return Deployment(
        overlays=tuple(folders),
        objects={
            key: [Variant(content, tuple(names)) for content, names in same.values()] for key, same in forms.items()
        },
        monitoring=build(HERE / "monitoring"),
    )


def key_of(content: Object) -> Key:
    """Return kind and name of an object."""
    return content["kind"], content["metadata"]["name"]


def build(folder: Path) -> list[Object]:
    """Return the objects of a kustomization.

    Raises:
        CannotBuildError: it does not build, or there is no program that builds.
    """
    program = next(filter(None, (shutil.which(name) for name in ("kustomize", "kubectl"))), None)
    if program is None:
        raise CannotBuildError("neither kustomize nor kubectl is installed")
    words = ["build"] if Path(program).name == "kustomize" else ["kustomize"]
    done = subprocess.run([program, *words, str(folder)], capture_output=True, text=True, timeout=_BUILD_S, check=False)
    if done.returncode:
        raise CannotBuildError(f"{folder.relative_to(HERE.parent)}: {done.stderr.strip()}")
    return [content for content in yaml.safe_load_all(done.stdout) if content]

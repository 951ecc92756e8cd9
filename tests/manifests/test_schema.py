"""Kubernetes accepts the manifests in all supported versions without a warning."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from kubernetes_validate import utils

from tests.manifests.objects import HERE, documents

# 1.28 is the first that numbers the pods of a StatefulSet, which three brokers need.
VERSIONS = ("1.28", "1.31", "1.34", "1.37")
FILES = sorted(HERE.rglob("*.y*ml"))
# Kubernetes' own objects; the others are for kustomize, kind and KEDA, whose schemas are not here, and patches.
OBJECTS = [path for path in FILES if path.name in {"deployment.yml", "namespace.yml"}]


def named(path: Path) -> str:
    return str(path.relative_to(HERE))


@pytest.fixture(autouse=True, scope="module")
def _schemas_are_read_once() -> Iterator[None]:
    """The library reads megabytes of definitions for each object."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", cache(utils.schema_contents))
        yield


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", OBJECTS, ids=named)
def test_kubernetes_takes_every_object(path: Path, version: str) -> None:
    """No field is unknown, missing or of another type."""
    for document in documents(path):
        assert utils.validate(document, version, strict=True) == version


def test_a_misspelt_field_would_be_seen() -> None:
    """The check above is one: a field that Kubernetes does not know fails."""
    (deployment, *_) = documents(HERE / "video" / "deployment.yml")
    misspelt = {**deployment, "spec": {**deployment["spec"], "replica": 2}}

    with pytest.raises(utils.ValidationError, match="replica"):
        utils.validate(misspelt, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "kustomization.yaml"], ids=named)
def test_kustomizations_name_what_is_there(path: Path) -> None:
    """Every resource, component and patch is a file, or a folder with a kustomization."""
    kustomization = yaml.safe_load(path.read_text())
    named = [*kustomization.get("resources", ()), *kustomization.get("components", ())]
    folders = [path.parent / name for name in named]
    patches = [path.parent / patch["path"] for patch in kustomization.get("patches", ()) if "path" in patch]

    for place in [*folders, *patches]:
        assert place.is_file() or (place / "kustomization.yaml").is_file(), place

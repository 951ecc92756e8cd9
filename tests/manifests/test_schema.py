"""The manifests are what Kubernetes takes, in the versions that are about, without a warning."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from kubernetes_validate import utils
from yamllint import linter
from yamllint.config import YamlLintConfig

from tests.manifests.objects import HERE, documents

# 1.28 is the first that numbers the pods of a StatefulSet, which three brokers need.
VERSIONS = ("1.28", "1.31", "1.34", "1.37")
FILES = sorted(HERE.rglob("*.y*ml"))
# Kubernetes' own objects; the others are for kustomize, kind and KEDA, whose schemas are not here, and patches.
OBJECTS = [path for path in FILES if path.name in {"deployment.yml", "namespace.yml"}]
LINT = YamlLintConfig(
    """
    extends: default
    rules:
      document-start: disable
      line-length: {max: 124} # a list of topics of 120 is indented by 4
      indentation: {spaces: 2, indent-sequences: true}
      comments: {min-spaces-from-content: 1}
    """
)


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


@pytest.mark.parametrize("path", FILES, ids=named)
def test_yaml_is_tidy(path: Path) -> None:
    """Neither an error nor a warning, repeated keys among them."""
    problems = [f"{problem.line}: {problem.message}" for problem in linter.run(path.read_text(), LINT)]

    assert problems == []


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "kustomization.yaml"], ids=named)
def test_kustomizations_name_what_is_there(path: Path) -> None:
    """Every resource, component and patch is a file, or a folder with a kustomization."""
    kustomization = yaml.safe_load(path.read_text())
    folders = [path.parent / name for name in [*kustomization["resources"], *kustomization.get("components", ())]]
    patches = [path.parent / patch["path"] for patch in kustomization.get("patches", ()) if "path" in patch]

    for place in [*folders, *patches]:
        assert place.is_file() or (place / "kustomization.yaml").is_file(), place

"""The images hold what was pinned, say so in a bill of materials, and are the same when they are built again."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from supply_chain import requirements, sbom
from tests.images.conftest import SERVICES
from tests.images.docker import command, docker
from tests.requirements import need
from tests.suite import ROOT

pytestmark = [pytest.mark.images, pytest.mark.timeout(1200)]


@pytest.mark.parametrize("name", SERVICES)
def test_bill_of_materials(services: Mapping[str, str], name: str) -> None:
    """It is CycloneDX, and names the pinned packages, no other Python package, and Debian's."""
    text = sbom.write(sbom.Image(services[name]))

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    urls = [component["purl"] for component in bill["components"]]
    packages = {
        canonicalize_name(component["name"]): component["version"]
        for component in bill["components"]
        if component["purl"].startswith("pkg:pypi/")
    }
    pins = {pin.name: pin.version for pin in requirements.pins(name).values() if pin.here}
    assert packages == pins
    assert any(url.startswith("pkg:deb/debian/libc6@") for url in urls)
    assert any(url.startswith("pkg:generic/python@") for url in urls)
    assert bill["metadata"]["component"]["type"] == "container"


def test_bill_of_materials_of_the_models(tfserving: str) -> None:
    bill = json.loads(sbom.write(sbom.Image(tfserving)))
    models = {(c["name"], c["version"]) for c in bill["components"] if c["type"] == "machine-learning-model"}
    assert ("tfModel", "1") in models


def test_no_bill_of_what_is_not_there() -> None:
    with pytest.raises(sbom.NoImageError, match="mld-test/nothing"):
        sbom.write(sbom.Image("mld-test/nothing:1"))


def test_two_builds_are_the_same(base: str, tmp_path: Path) -> None:
    """Everything is built twice from nothing, with one time for all files: the layers have the same digests.

    The base is named by its digest, as docs/supply-chain.md tells.
    """
    need("buildah", present=bool(shutil.which("buildah")), install="apt-get install buildah")
    store = ("--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run"), "--storage-driver", "vfs")
    archive = tmp_path / "base.tar"
    docker("save", base, "--output", str(archive))
    command("buildah", *store, "pull", f"docker-archive:{archive}")
    (pulled,) = json.loads(command("buildah", *store, "images", "--json"))
    by_digest = f"{pulled['names'][0].rpartition(':')[0]}@{pulled['digest']}"
    try:
        for name in SERVICES:
            layers = []
            for _ in range(2):
                options = ("--no-cache", "--isolation=chroot", "--network=host", "--timestamp=0")
                image = f"localhost/{name}:again"
                arguments = (
                    "--build-arg",
                    f"BASE={by_digest}",
                    "--file",
                    f"{name}/Dockerfile",
                    "--tag",
                    image,
                    str(ROOT),
                )
                command("buildah", *store, "bud", *options, *arguments)
                format_ = "--format={{.OCIv1.RootFS.DiffIDs}}"
                layers.append(command("buildah", *store, "inspect", "--type=image", format_, image).split())
            assert len(layers[0]) > 1
            assert layers[0] == layers[1], name
    finally:
        command("buildah", *store, "rmi", "--all", "--force", status=None)

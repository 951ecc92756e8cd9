"""Writes the bill of materials of an image as CycloneDX 1.6 (ECMA-424): `python -m supply_chain sbom IMAGE`.

It lists what is in the image, not what should be: Debian's packages by dpkg's own record, Python's by their metadata,
and the models of TensorFlow Serving by their files.
"""

import json
import subprocess
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import Any

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

_TIMEOUT_S = 120.0
_PYTHON = """
import json, platform
from importlib import metadata
about = [{"name": d.name, "version": d.version, "licence": d.metadata.get("License-Expression")}
         for d in metadata.distributions()]
print(json.dumps({"python": platform.python_version(), "packages": about}))
"""


class NoImageError(Exception):
    """There is no such image, or Docker does not answer; the message says which."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that Docker has.

    Attributes:
        name: as Docker knows it, such as `video:0.1.0`.
    """

    name: str

    def read(self, program: str, *arguments: str) -> str | None:
        """Return what a program in the image prints; None if the image has no such program or it fails."""
        options = ["--rm", "--network=none", f"--entrypoint={program}"]
        done = subprocess.run(
            ["docker", "run", *options, self.name, *arguments],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        return done.stdout if done.returncode == 0 else None

    def digest(self) -> str:
        """Return the image's id.

        Raises:
            NoImageError: there is no such image, or Docker does not answer.
        """
        done = subprocess.run(
            ["docker", "image", "inspect", "--format={{.Id}}", self.name],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise NoImageError(f"{self.name}: {done.stderr.strip()}")
        return done.stdout.strip()


def write(image: Image) -> str:
    """Return the bill of materials of an image, as JSON.

    Raises:
        NoImageError: there is no such image, or Docker does not answer.
    """
    name, _, version = image.name.rpartition("/")[2].partition(":")
    bom = Bom()
    bom.metadata.component = Component(
        type=ComponentType.CONTAINER,
        name=name,
        version=version or None,
        bom_ref=f"{image.name}@{image.digest()}",
    )
    components = [*_debian(image), *_python(image), *_models(image)]
    bom.components.update(components)
    bom.register_dependency(bom.metadata.component, components)
    return json.dumps(json.loads(JsonV1Dot6(bom).output_as_string()), indent=2) + "\n"


def _debian(image: Image) -> list[Component]:
    """Return Debian's packages, by dpkg's record (deb(5), dpkg-query(1))."""
    system = _fields(image.read("cat", "/etc/os-release") or "")
    record = image.read("cat", "/var/lib/dpkg/status") or ""
    found = []
    for paragraph in record.split("\n\n"):
        package = HeaderParser().parsestr(paragraph.strip() + "\n")
        if not str(package["Status"]).endswith(" installed"):
            continue
        qualifiers = {"arch": package["Architecture"], "distro": f"{system.get('ID')}-{system.get('VERSION_ID')}"}
        name, version = str(package["Package"]), str(package["Version"])
        url = PackageURL("deb", system.get("ID", "debian"), name, version, qualifiers)
        found.append(_component(name, version, url))
    return found


def _python(image: Image) -> list[Component]:
    """Return the Python packages, and Python itself, which is none of Debian's in the images of Python's makers."""
    printed = image.read("python", "-c", _PYTHON)
    if printed is None:
        return []
    about = json.loads(printed)
    python = Component(
        type=ComponentType.PLATFORM,
        name="python",
        version=about["python"],
        purl=PackageURL("generic", None, "python", about["python"]),
        bom_ref="python",
    )
    return [
        python,
        *(
            _component(
                package["name"],
                package["version"],
                PackageURL("pypi", None, package["name"].lower().replace("_", "-"), package["version"]),
                licence=package["licence"],
            )
            for package in about["packages"]
        ),
    ]


def _models(image: Image) -> list[Component]:
    listed = image.read("find", "/models", "-mindepth", "2", "-maxdepth", "2", "-type", "d", "-printf", "%P\n") or ""
    return [
        Component(
            type=ComponentType.MACHINE_LEARNING_MODEL,
            name=path.split("/")[0],
            version=path.split("/")[1],
            licenses=[DisjunctiveLicense(name="see NOTICES.md")],
            bom_ref=f"model/{path}",
        )
        for path in sorted(listed.split())
    ]


def _component(name: str, version: str, url: PackageURL, *, licence: str | None = None) -> Component:
    licences = [LicenseExpression(licence)] if licence else []
    return Component(
        type=ComponentType.LIBRARY, name=name, version=version, purl=url, licenses=licences, bom_ref=url.to_string()
    )


def _fields(text: str) -> dict[str, Any]:
    """Return the fields of os-release(5)."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name: value.strip('"') for name, _, value in pairs}

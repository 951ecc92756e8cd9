"""Who may see what is decided by one line: uncommented, it closes the page."""

from pathlib import PurePosixPath

import yaml

from tests.manifests.objects import HERE, container, environment, parsed, template, workloads
from tests.suite import ROOT

COMPOSE = ROOT / "compose"


def test_one_line_of_the_manifest_closes_the_page() -> None:
    """The file that it names is in a folder that is mounted in any case, and empty without its Secret."""
    text = (HERE / "video" / "deployment.yml").read_text()
    (line,) = [line for line in text.splitlines() if line.lstrip().startswith("# - {name: ACCESSFILE")]
    objects = parsed(text)
    assert "ACCESSFILE" not in environment(workloads(objects)["video"], objects)

    objects = parsed(text.replace(line, line.replace("# ", "", 1)))
    video = workloads(objects)["video"]
    named = PurePosixPath(environment(video, objects)["ACCESSFILE"])
    (mount,) = [mount for mount in container(video)["volumeMounts"] if mount["mountPath"] == str(named.parent)]
    (volume,) = [volume for volume in template(video)["spec"]["volumes"] if volume["name"] == mount["name"]]
    (secret,) = [source["secret"] for source in volume["projected"]["sources"] if "secret" in source]
    assert mount["readOnly"]
    assert all(what["optional"] for source in volume["projected"]["sources"] for what in source.values())
    assert f"secret generic {secret['name']} --from-file={named.name}" in " ".join(
        (ROOT / "docs" / "security.md").read_text().split()
    )


def test_one_line_of_the_settings_closes_the_page_in_compose() -> None:
    """The folder is beside the file, mounted in any case; git takes none of its secrets."""
    (line,) = [line for line in (COMPOSE / ".env.example").read_text().splitlines() if "ACCESSFILE=" in line]
    named = PurePosixPath(line.removeprefix("# example: ACCESSFILE="))
    video = yaml.safe_load((COMPOSE / "video.yml").read_text())["services"]["video"]

    assert video["environment"]["ACCESSFILE"] == "${ACCESSFILE:-}"
    assert video["volumes"] == [f"${{ACCESSFOLDER:-./access}}:{named.parent}:ro"]
    assert (COMPOSE / "access" / ".gitignore").read_text().split("\n")[1:3] == ["*", "!.gitignore"]

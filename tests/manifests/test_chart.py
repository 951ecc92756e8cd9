"""The Helm chart gives exactly what the kustomizations give, and changes only what its values name."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.chart import kustomizations, writer
from k8s.chart.kustomizations import NAMESPACE, Object
from tests.manifests.objects import of_kind, template, workloads
from tests.manifests.test_kustomize import build, kustomize
from tests.requirements import need

OVERLAYS = kustomizations.overlays()


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the chart."""
    need("helm", present=bool(shutil.which("helm")), install="Helm 3 in PATH")
    need("kustomize or kubectl", present=bool(kustomize()), install="one of them in PATH, of 2022 or later")
    folder = tmp_path_factory.mktemp("chart") / "chart"
    writer.write(kustomizations.read(), folder)
    return folder


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["helm", *words], capture_output=True, text=True, timeout=120, check=False)


def rendered(chart: Path, *words: str, namespace: str = NAMESPACE) -> list[Object]:
    done = helm("template", "live", str(chart), "--namespace", namespace, *words)
    assert done.returncode == 0, done.stderr
    return [content for content in yaml.safe_load_all(done.stdout) if content]


def by_key(objects: list[Object]) -> dict[tuple[str, str], Object]:
    found = {kustomizations.key_of(content): content for content in objects}
    assert len(found) == len(objects)
    return found


def without_hooks(content: Object) -> Object:
    """Return an object without what tells Helm to make a Job anew."""
    metadata = content["metadata"]
    kept = {name: value for name, value in metadata.get("annotations", {}).items() if not name.startswith("helm.sh/")}
    rest = {name: value for name, value in metadata.items() if name != "annotations"}
    return {**content, "metadata": rest | ({"annotations": kept} if kept else {})}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_without_values_it_is_the_kustomization(chart: Path, overlay: str) -> None:
    ours = rendered(chart, "--set", f"overlay={overlay},namespace.create=true")
    assert by_key([without_hooks(content) for content in ours]) == by_key(build(OVERLAYS[overlay]))


def test_monitoring_is_the_kustomization(chart: Path) -> None:
    suite = by_key(rendered(chart))
    both = by_key(rendered(chart, "--set", "monitoring.enabled=true"))
    assert {key: content for key, content in both.items() if key not in suite} == by_key(build("monitoring"))


def test_lint(chart: Path) -> None:
    done = helm("lint", "--strict", str(chart))
    assert done.returncode == 0, done.stdout + done.stderr


def test_values_change_what_they_name(chart: Path, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text(
        yaml.safe_dump(
            {
                "images": {"video": "example.test/video@sha256:00"},
                "settings": {"video": {"MAXVIEWERS": 20, "ALLOWEDORIGINS": "https://a.test"}},
                "sizes": {
                    "video": {"replicas": 5, "resources": {"limits": {"memory": "1Gi"}}},
                    "kafka1": {"storage": "1Ti"},
                },
            }
        )
    )
    before, after = rendered(chart), rendered(chart, "--values", str(values))
    video = workloads(after)["video"]
    assert video["spec"]["replicas"] == 5
    (container,) = template(video)["spec"]["containers"]
    assert container["image"] == "example.test/video@sha256:00"
    assert container["resources"] == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "50m", "memory": "96Mi"},
    }
    settings = of_kind("ConfigMap", after)["video-configmap"]["data"]
    assert settings == of_kind("ConfigMap", before)["video-configmap"]["data"] | {
        "MAXVIEWERS": "20",
        "ALLOWEDORIGINS": "https://a.test",
    }
    (claim,) = workloads(after)["kafka1"]["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Ti"
    changed = {key for key, content in by_key(after).items() if by_key(before)[key] != content}
    assert changed == {
        ("Deployment", "video"),
        ("ConfigMap", "video-configmap"),
        ("StatefulSet", "kafka1"),
        ("Job", "topics"),  # it runs the image of video
    }


def test_namespace_is_that_of_the_release(chart: Path) -> None:
    for overlay in OVERLAYS:
        objects = rendered(chart, "--set", f"overlay={overlay}", namespace="cameras")
        assert {content["metadata"]["namespace"] for content in objects} == {"cameras"}
        assert f".{NAMESPACE}." not in yaml.safe_dump_all(objects)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ("overlay=five-brokers", "overlay"),
        ("image.video=x", "image"),
        ("images.vidoe=x", "vidoe"),
        ("sizes.video.replica=3", "replica"),
        ("sizes.video.replicas=many", "replicas"),
        ("settings.vidoe.MAXVIEWERS=1", "vidoe"),
    ],
)
def test_a_wrong_value_is_named(chart: Path, values: str, named: str) -> None:
    done = helm("template", "live", str(chart), "--set", values)
    assert done.returncode != 0
    assert named in done.stderr


def test_values_that_are_not_defaults_do_not_hide_braces(chart: Path) -> None:
    """Grafana's dashboards hold `{{camera}}`, which is no template of Helm's."""
    dashboards: list[Any] = [
        text
        for content in rendered(chart, "--set", "monitoring.enabled=true")
        if content["kind"] == "ConfigMap"
        for text in content.get("data", {}).values()
    ]
    assert any("{{" in text for text in dashboards)

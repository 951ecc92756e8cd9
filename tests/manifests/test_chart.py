"""The Helm chart gives exactly what the kustomizations give, and changes only what its values name."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.models_document import ModelsDocument
from k8s.chart import kustomizations, writer
from k8s.chart.kustomizations import NAMESPACE, Object
from producer.document import CamerasDocument
from shared.document import parse_document
from tests.manifests.objects import allowed, environment, of_kind, parsed, template, workloads
from tests.manifests.test_kustomize import build, kustomize
from tests.requirements import need
from video.access.document import AccessDocument

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
    return parsed(done.stdout)


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


CAMERAS = {"front": {"source": "rtsp://camera.example/stream", "title": "Front: {{ door }}"}}
MODELS = {"things": {"kind": "detection", "url": "http://tfserving-service:8501/v1/models/detector:predict"}}
ACCESS = {
    "viewers": {"roles": {"guard": {"cameras": ["*"]}}},
    "tokens": {"file": "/access/tokens"},
    "jwt": {"issuer": "https://id.example", "audience": "video"},
}


def test_documents_are_values(chart: Path, tmp_path: Path) -> None:
    """Each reaches its service, which accepts it, in the file that its setting names."""
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"cameras": CAMERAS, "models": MODELS, "access": ACCESS}))
    objects = rendered(chart, "--values", str(values))
    files = {name: mounted(workloads(objects)[name], objects) for name in ("producer", "consumer", "video")}
    maps = of_kind("ConfigMap", objects)

    assert files["producer"][maps["cameras"]["data"]["CAMERASFILE"]] == {"cameras": CAMERAS}
    assert files["consumer"][maps["models-configmap"]["data"]["MODELSFILE"]] == {"models": MODELS}
    assert files["video"][environment(workloads(objects)["video"], objects)["ACCESSFILE"]] == ACCESS
    assert parse_document(maps["cameras"]["data"]["cameras.yml"], CamerasDocument).cameras.keys() == {"front"}
    models = parse_document(maps["models-document"]["data"]["models.yaml"], ModelsDocument)
    assert models.specs().keys() == {"things"}
    assert parse_document(maps["access-document"]["data"]["access.yml"], AccessDocument).jwt is not None
    egress = allowed(of_kind("NetworkPolicy", objects)["video"], "egress")
    assert [{"port": 443}] in [ports for _, ports in egress]


def test_pods_are_made_anew_when_settings_change_or_a_document_comes(chart: Path) -> None:
    """They read settings at their start only; later changes of a document apply without new pods."""

    def annotations(*words: str) -> dict[str, str]:
        return dict(template(workloads(rendered(chart, *words))["producer"])["metadata"]["annotations"])

    def given(quality: int, camera: str) -> str:
        return f"settings.producer.JPEGQUALITY={quality},cameras.{camera}.source=/film.mp4"

    plain = annotations()
    first, another_camera, other_settings = (
        annotations("--set", given(*values)) for values in ((70, "front"), (70, "yard"), (60, "yard"))
    )
    assert plain.items() < first.items()
    assert first == another_camera
    assert {name for name in first if first[name] != other_settings[name]} == {"checksum/settings"}
    assert first.keys() - plain.keys() == {"checksum/settings", "machine-learning-deployment/document"}


def mounted(workload: Object, objects: list[Object]) -> dict[str, Any]:
    """Return the documents that a workload finds in its files, by path."""
    maps, found = of_kind("ConfigMap", objects), dict[str, Any]()
    volumes = {volume["name"]: volume for volume in template(workload)["spec"]["volumes"]}
    (container,) = template(workload)["spec"]["containers"]
    for mount in container["volumeMounts"]:
        volume = volumes[mount["name"]]
        for source in volume.get("projected", {}).get("sources", [volume]):
            data = maps.get(source.get("configMap", {}).get("name"), {}).get("data", {})
            found |= {f"{mount['mountPath']}/{key}": yaml.safe_load(text) for key, text in data.items()}
    return found


def test_users_are_made_before_the_topics(chart: Path) -> None:
    """Helm waits for one Job after the other, and the user of the topics may do nothing until the rules are there."""
    jobs = of_kind("Job", rendered(chart, "--set", "overlay=secured"))
    weights = {name: int(job["metadata"]["annotations"]["helm.sh/hook-weight"]) for name, job in jobs.items()}

    assert weights["users"] < weights["topics"]


def test_namespace_is_that_of_the_release(chart: Path) -> None:
    for overlay in ("default", "three-brokers"):  # in the second, brokers name each other with it
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
        ("cameras=front", "cameras"),
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

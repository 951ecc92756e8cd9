"""compose/extended.yml: the extended original's model servers, and the consumer that asks both."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from consumer.settings import ConsumerSettings
from tests.compose.test_files import _VARIABLE, VERSION, read
from tests.manifests import objects as k8s
from tests.manifests.test_extended import SERVERS

FILE = read("extended")


@pytest.mark.parametrize("name", SERVERS)
def test_servers_are_confined_as_all_are(name: str) -> None:
    """The image of this version, nothing to write but /tmp, no privileges, and the limits of Kubernetes."""
    service: dict[str, Any] = FILE["services"][name]
    limits = k8s.container(k8s.workloads(k8s.objects("extended"))[name])["resources"]["limits"]

    assert _VARIABLE.sub(r"\2", service["image"]) == f"{name}:{VERSION}"
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["networks"] == {"dockerNet": {"aliases": [f"{name}-service"]}}
    assert service["environment"]["MODEL_NAME"] == SERVERS[name]
    assert k8s.size(_VARIABLE.sub(r"\2", service["mem_limit"]).upper() + "i") == k8s.size(limits["memory"])
    assert float(_VARIABLE.sub(r"\2", str(service["cpus"]))) == k8s.cores(limits["cpu"])


def test_it_stands_alone_in_the_common_network() -> None:
    assert FILE["name"] == "mld-extended"
    assert FILE["networks"] == read("consumer")["networks"]
    assert FILE["services"].keys() == {*SERVERS, "consumer"}


def test_the_consumer_is_that_of_its_file_with_both_models() -> None:
    """The settings of Kubernetes, with the names of hosts in this network."""
    consumer = FILE["services"]["consumer"]
    (configmap,) = k8s.documents(k8s.HERE / "extended" / "models.yml")
    models = json.loads(consumer["environment"]["MODELURLS"])

    assert consumer["extends"] == {"file": "consumer.yml", "service": "consumer"}
    assert consumer["environment"].keys() == {"MODELURLS", "LABELURLS"}
    assert json.loads(consumer["environment"]["LABELURLS"]) == json.loads(configmap["data"]["LABELURLS"])
    assert models == json.loads(configmap["data"]["MODELURLS"].replace("-service", ""))
    assert {urlsplit(url).hostname for url in models.values()} == SERVERS.keys()
    assert ConsumerSettings.load(MODELURLS=consumer["environment"]["MODELURLS"]).model_urls == models

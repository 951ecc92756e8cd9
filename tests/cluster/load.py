"""More cameras than one consumer can handle: a second producer, derived from the first one's manifest."""

import base64
import copy
import json
from typing import Self

import cv2
import numpy as np

from tests.cluster.kubectl import Kubectl
from tests.manifests.objects import Object, container, objects, of_kind, template

CAMERAS = 8
INTERVAL = "20ms"  # pictures are passed on as they are: they cost the producer little


class Load:
    """Cameras that deliver pictures faster than real ones; removed at the end."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def __enter__(self) -> Self:
        for thing in (_pictures(), _producer()):
            self._kubectl.apply(thing)
        self._kubectl.rolled_out("deployment/load")
        return self

    def __exit__(self, *_: object) -> None:
        self._kubectl("delete", "deployment/load", "configmap/load")


def _pictures() -> Object:
    noise = np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8)
    picture = cv2.imencode(".jpg", cv2.resize(noise, (640, 480), interpolation=cv2.INTER_CUBIC))[1]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "load"},
        "binaryData": {"picture.jpg": base64.b64encode(picture.tobytes()).decode()},
    }


def _producer() -> Object:
    deployment = copy.deepcopy(of_kind("Deployment", objects("producer"))["producer"])
    deployment["metadata"]["name"] = "load"
    # Policies know it by the labels that stay; this one tells its pods from the first producer's.
    deployment["spec"]["selector"]["matchLabels"]["load"] = "true"
    template(deployment)["metadata"]["labels"]["load"] = "true"
    container(deployment)["env"] += [
        {"name": "CAMERAS", "value": json.dumps({f"load-{n}": "/load/picture.jpg" for n in range(CAMERAS)})},
        {"name": "FRAMEINTERVAL", "value": INTERVAL},
    ]
    container(deployment)["volumeMounts"].append({"name": "load", "mountPath": "/load", "readOnly": True})
    template(deployment)["spec"]["volumes"].append({"name": "load", "configMap": {"name": "load"}})
    return deployment

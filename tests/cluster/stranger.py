"""A pod that does not belong to the suite, and what it can reach."""

import json
from collections.abc import Iterable
from typing import Self

from tests.cluster.kubectl import Kubectl
from tests.manifests.objects import Object

# Runs in a pod and prints which of the addresses in its arguments accept a connection.
_ASK = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def reached(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True
addresses = sys.argv[1:]
with ThreadPoolExecutor(len(addresses)) as pool:
    print(json.dumps([address for address, yes in zip(addresses, pool.map(reached, addresses)) if yes]))
"""


def reached_from(kubectl: Kubectl, pod: str, addresses: Iterable[str]) -> set[str]:
    """Return the `host:port` that take a connection from a pod, which has Python."""
    return set(json.loads(kubectl("exec", pod, "--", "python", "-c", _ASK, *addresses).splitlines()[-1]))


class Stranger:
    """A pod that shares nothing with the suite but an image; removed at the end."""

    def __init__(self, kubectl: Kubectl, image: str) -> None:
        self._kubectl, self._image = kubectl, image

    def __enter__(self) -> Self:
        self._kubectl.apply(_pod(self._image))
        self._kubectl("wait", "--for=condition=Ready", "pod/stranger", "--timeout=60s")
        return self

    def __exit__(self, *_: object) -> None:
        self._kubectl("delete", "pod/stranger", "--now")

    def reaches(self, addresses: Iterable[str]) -> set[str]:
        """Return the `host:port` that take a connection."""
        return reached_from(self._kubectl, "stranger", addresses)


def _pod(image: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stranger"},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "stranger",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", "600"],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }

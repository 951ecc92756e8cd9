"""Kubernetes as users use it: through kubectl, in a namespace."""

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from tests.manifests.objects import Object
from tests.suite import PRINT_READYZ, ROOT
from tests.waiting import wait_until

ROLLOUT_S = 240.0
# Every kind of object in the manifests.
KINDS = (
    "statefulsets,deployments,replicasets,jobs,pods,services,configmaps,secrets,serviceaccounts,"
    "poddisruptionbudgets,networkpolicies,horizontalpodautoscalers,persistentvolumeclaims"
)
OF_EVERY_NAMESPACE = {"configmap/kube-root-ca.crt", "serviceaccount/default", "service/kubernetes"}


class Kubectl:
    """kubectl against a cluster, with a namespace that commands go to when they name none."""

    def __init__(self, environment: Mapping[str, str], namespace: str = "default") -> None:
        self.environment = {**environment, "LANG": os.environ.get("LANG", "C.UTF-8")}
        self.namespace = namespace

    def within(self, namespace: str) -> "Kubectl":
        """Return the same for another namespace."""
        return Kubectl(self.environment, namespace)

    def __call__(self, *arguments: str, given: str | None = None, status: int | None = 0, within_s: float = 120) -> str:
        """Run a command from the project's root, and return what it printed on both streams.

        Args:
            arguments: of kubectl.
            given: standard input.
            status: that it has to end with; None: any.
            within_s: longest time it may take, seconds.
        """
        done = subprocess.run(
            # Named only where it is another one: kubectl refuses it beside a kustomization that has its own.
            ["kubectl", *([] if self.namespace == "default" else [f"--namespace={self.namespace}"]), *arguments],
            cwd=ROOT,
            env=self.environment,
            input=given or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=within_s,
            check=False,
        )
        if status is not None:
            assert done.returncode == status, f"kubectl {' '.join(arguments)}: {done.returncode}\n{done.stdout[-4000:]}"
        return done.stdout

    def get(self, *arguments: str) -> Any:
        """Return the JSON of what is there."""
        return json.loads(self("get", *arguments, "--output=json"))

    def apply(self, thing: Object) -> None:
        """Apply an object of the test's own."""
        self("apply", "--filename=-", given=json.dumps(thing))

    def rolled_out(self, *workloads: str) -> None:
        """Wait until all pods of workloads (`deployment/video`) are those of its newest form, and ready."""
        for workload in workloads:
            self("rollout", "status", workload, f"--timeout={ROLLOUT_S:.0f}s", within_s=ROLLOUT_S + 10)

    def pods(self, name: str) -> list[Object]:
        """Return the pods of a subsystem that are not terminating."""
        found = self.get("pods", f"--selector=app.kubernetes.io/name={name}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def readiness(self, name: str) -> list[dict[str, str]]:
        """Return what /readyz says of each pod of a subsystem; empty where it does not answer."""
        found = []
        for pod in self.pods(name):
            said = self("exec", pod["metadata"]["name"], "--", *PRINT_READYZ, status=None)
            found.append(json.loads(said) if said.startswith("{") else {})
        return found

    def left(self) -> set[str]:
        """Return the names of what is in the namespace, without what every one has."""
        names = self("get", KINDS, "--output=name").split()
        return {_short(name) for name in names if "/" in name} - OF_EVERY_NAMESPACE

    def until_gone(self) -> None:
        """Wait until nothing is left in the namespace, and no volume anywhere."""
        wait_until(lambda: not self.left(), f"nothing is left in {self.namespace}", within_s=ROLLOUT_S)
        wait_until(lambda: not self.get("persistentvolumes")["items"], "no volume is left", within_s=ROLLOUT_S)


def _short(name: str) -> str:
    """`statefulset.apps/kafka1` -> `statefulset/kafka1`."""
    kind, _, rest = name.partition("/")
    return f"{kind.partition('.')[0]}/{rest}"

"""Everything at once, by a kustomization: applied, live, and gone without a trace."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.kubectl import Kubectl
from tests.cluster.view import until_labelled

NAMESPACE = "machine-learning-deployment"
DEPLOYMENTS = ("deployment/tfserving", "deployment/producer", "deployment/consumer", "deployment/video")
FRESH_S = 120.0
"""Longest wait for a fresh labelled frame; a machine may be busy otherwise."""


@contextmanager
def applied(cluster: Kubectl, folder: str, *bus: str, secrets: Path | None = None) -> Iterator[tuple[Kubectl, float]]:
    """Apply a kustomization, wait until labelled frames are shown, and delete it at the end.

    Args:
        cluster: kubectl.
        folder: of the kustomization.
        bus: what has to be rolled out beside the Deployments, `statefulset/kafka1`.
        secrets: a file that is applied in its namespace afterwards.

    Returns:
        kubectl in its namespace, and the seconds to the first labelled frame.
    """
    inside = cluster.within(NAMESPACE)
    began = time.monotonic()
    try:
        said = cluster("apply", f"--kustomize={folder}")
        assert "Warning" not in said
        if secrets is not None:
            inside("apply", f"--filename={secrets}")
        inside.rolled_out(*bus, *DEPLOYMENTS)
        until_labelled(within_s=FRESH_S)
        yield inside, round(time.monotonic() - began, 1)
    finally:
        # The Job of the topics is gone five minutes after its end.
        cluster("delete", f"--kustomize={folder}", "--ignore-not-found", within_s=300)
    assert NAMESPACE not in cluster("get", "namespaces", "--output=name")
    inside.until_gone()

"""The secured bus, with certificates and passwords of the script and users of the Job."""

import json
from pathlib import Path

import pytest

from shared.clock import now_us
from tests.cluster.kubectl import Kubectl
from tests.cluster.view import until_labelled
from tests.cluster.whole import FRESH_S, applied
from tests.kafka.secured import Credentials
from tests.waiting import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


def test_secured_bus(cluster: Kubectl, tmp_path: Path, figures: dict[str, object]) -> None:
    """As docs/security.md tells; who has the wrong password is refused, and not in silence."""
    credentials = Credentials.make(tmp_path)
    secrets = credentials.folder / "secrets.yml"
    with applied(cluster, "k8s/overlays/secured", "statefulset/kafka1", secrets=secrets) as (inside, seconds):
        figures["secured bus: seconds to the first labelled frame"] = seconds
        (said,) = inside.readiness("producer")
        assert said["broker"] == "ok"

        wrong = {**credentials.of("producer"), "sasl.password": "wrong"}
        inside.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "producer-secret"},
                "stringData": {"KAFKACONFIG": json.dumps(wrong)},
            }
        )
        inside("rollout", "restart", "deployment/producer")
        wait_until(
            lambda: "authentication refused" in {said.get("broker") for said in inside.readiness("producer")},
            "/readyz names the refusal",
            within_s=FRESH_S,
        )

        inside("apply", f"--filename={secrets}")
        inside("rollout", "restart", "deployment/producer")
        inside.rolled_out("deployment/producer")
        until_labelled(within_s=FRESH_S, after_us=now_us())
        inside("delete", f"--filename={secrets}")

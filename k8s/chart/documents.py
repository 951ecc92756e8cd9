"""The documents of the services as values of the chart: cameras, models, access.

files/documents.yaml writes each into an object of its own. Here, the workloads are told to read it; without the value,
they are as in the kustomizations.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from k8s.chart.kustomizations import Object

EXAMPLES = {
    "cameras": (
        "The cameras by id, as below `cameras:` in docs/cameras.md; their links in the Secret `camera-links`.",
        "front:\n  source: {file: /run/secrets/cameras/front}\n  title: Front door\n",
    ),
    "models": (
        "The models by name, as below `models:` in docs/models.md; instead of those in MODELURLS.",
        "things:\n  kind: detection\n  url: http://tfserving-service:8501/v1/models/detector:predict\n",
    ),
    "access": (
        "Who may see what, as in docs/security.md. The files that it names: the Secret `video-access`, at /access.",
        "viewers: {roles: {guard: {cameras: ['*']}}}\ntokens: {file: /access/tokens}\n",
    ),
}
"""What each value is, as a comment, and an example of it."""

MODELS_FILE = "/etc/models/models.yaml"
_OF_SERVICE = {"producer": "cameras", "consumer": "models", "video": "access"}
_ACCESS_ENV: list[Object] = [{"name": "ACCESSFILE", "value": "/access/access.yml"}]
_ISSUER: list[Object] = [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 443}]}]
"""As the comment in k8s/video/deployment.yml says."""


@dataclass(frozen=True, slots=True)
class Documents:
    """Makes objects depend on the documents.

    Attributes:
        mark: returns a text that stands for a template.
    """

    mark: Callable[[str], str] = field(repr=False)

    def into(self, content: Object) -> None:
        """Replace the parts of an object that depend on a document by marks."""
        kind, name = content["kind"], content["metadata"]["name"]
        if kind == "Deployment" and name in _OF_SERVICE:
            self._service(content["spec"]["template"], name)
        if (kind, name) == ("ConfigMap", "models-configmap"):
            default = _quoted(content["data"]["MODELSFILE"])
            content["data"]["MODELSFILE"] = self.mark(
                f"{{{{ ternary {_quoted(MODELS_FILE)} {default} (not (empty .Values.models)) | quote }}}}"
            )
        if (kind, name) == ("NetworkPolicy", "video"):
            self._add(content["spec"], "egress", _ISSUER, "(or .Values.access.oidc .Values.access.jwt)")

    def _service(self, template: Object, name: str) -> None:
        annotations = template["metadata"]["annotations"]
        template["metadata"]["annotations"] = self.mark(
            f'{{{{ include "annotations" (dict "values" .Values "service" {_quoted(name)} '
            f'"document" .Values.{_OF_SERVICE[name]} "given" (fromJson {_literal(annotations)})) | nindent INDENT }}}}'
        )
        if name == "video":
            (container,) = template["spec"]["containers"]
            self._add(container, "env", _ACCESS_ENV, ".Values.access")

    def _add(self, owner: Object, key: str, more: list[Object], condition: str) -> None:
        """Let a list have more elements on a condition."""
        owner[key] = self.mark(
            f"{{{{ concat (fromJsonArray {_literal(owner[key])}) "
            f"(ternary (fromJsonArray {_literal(more)}) list (not (empty {condition}))) | toYaml | nindent INDENT }}}}"
        )


def _literal(value: Any) -> str:
    """Return a value as JSON in a literal of Go's templates."""
    return _quoted(json.dumps(value))


def _quoted(text: str) -> str:
    return json.dumps(text)

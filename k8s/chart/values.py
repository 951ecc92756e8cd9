"""What the chart lets people change: images, sizes, settings, documents. Everything else is as the manifests say.

A rule replaces a part of an object by a template and keeps the part as its default, so that a chart without values
gives exactly the objects of the kustomization.
"""

import copy
import json
import re
from dataclasses import dataclass, field
from typing import Any

from k8s.chart.documents import Documents
from k8s.chart.kustomizations import NAMESPACE, Object

_MARK = re.compile(r"(?P<quote>['\"]?)@@(?P<number>\d+)@@(?P=quote)")
SETTINGS = re.compile(r"(?P<service>producer|consumer|video)-configmap")


@dataclass(slots=True)
class Marks:
    """The templates that stand for the parts which were taken out of an object.

    A mark is a text that occurs nowhere else. `text` replaces it, and the quotes around it, in the finished YAML.
    """

    _templates: list[str] = field(default_factory=list)

    def mark(self, template: str) -> str:
        """Return a text that stands for a template."""
        self._templates.append(template)
        return f"@@{len(self._templates) - 1}@@"

    def text(self, yaml_text: str) -> str:
        """Return finished YAML with the templates in the places of their marks."""
        escaped = yaml_text.replace("{{", "\0").replace("}}", "\1")
        escaped = escaped.replace("\0", '{{ "{{" }}').replace("\1", '{{ "}}" }}')
        return _MARK.sub(self._template, escaped)

    def _template(self, found: re.Match[str]) -> str:
        line = found.string[found.string.rfind("\n", 0, found.start()) + 1 : found.start()]
        # A block stands two columns deeper than its key.
        indent = len(line) - len(line.lstrip(" ")) + 2
        return self._templates[int(found["number"])].replace("INDENT", str(indent))


@dataclass(slots=True)
class Values:
    """The values that objects use, with their defaults."""

    images: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, Object] = field(default_factory=dict)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)

    def take_out(self, content: Object, marks: Marks) -> Object:
        """Return an object in which what people change has been replaced by marks."""
        content = copy.deepcopy(content)
        if content["metadata"].pop("namespace", None):
            content["metadata"]["namespace"] = marks.mark("{{ .Release.Namespace }}")
        _addresses_in_namespace(content, marks)
        if content["kind"] in {"Deployment", "StatefulSet", "Job"}:
            self._workload(content, marks)
        if content["kind"] == "ConfigMap":
            self._config_map(content, marks)
        Documents(marks.mark).into(content)
        return content

    def _workload(self, content: Object, marks: Marks) -> None:
        name, spec = content["metadata"]["name"], content["spec"]
        sizes = self.sizes.setdefault(name, {})
        if "replicas" in spec:
            sizes.setdefault("replicas", spec["replicas"])
            spec["replicas"] = marks.mark(_value(["sizes", name, "replicas"], str(spec["replicas"])))
        for claim in spec.get("volumeClaimTemplates", []):
            requests = claim["spec"]["resources"]["requests"]
            sizes.setdefault("storage", requests["storage"])
            requests["storage"] = marks.mark(_value(["sizes", name, "storage"], _quoted(requests["storage"])))
        pod = spec["template"]["spec"]
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            image = container["image"]
            key = _camel_case(image.rpartition("/")[2].partition(":")[0])
            if self.images.setdefault(key, image) != image:
                raise ValueError(f"two images are called {key}: {self.images[key]} and {image}")
            container["image"] = marks.mark(f"{{{{ .Values.images.{key} | quote }}}}")
        (main,) = pod["containers"]
        if "resources" in main:
            sizes.setdefault("resources", main["resources"])
            main["resources"] = marks.mark(_block(["sizes", name, "resources"], main["resources"]))

    def _config_map(self, content: Object, marks: Marks) -> None:
        data = content.get("data", {})
        settings = SETTINGS.fullmatch(content["metadata"]["name"])
        if settings:
            service = settings["service"]
            if self.settings.setdefault(service, data) != data:
                raise ValueError(f"the settings of {service} differ between overlays")
            content["data"] = marks.mark(
                f"\n{{{{- range $name, $value := merge (deepCopy (dig {_quoted(service)} dict .Values.settings)) "
                f"{_dict(data)} }}}}\n  {{{{ $name }}}}: {{{{ $value | toString | quote }}}}\n{{{{- end }}}}"
            )


def _addresses_in_namespace(value: Any, marks: Marks) -> None:
    """Replace the namespace in addresses of services, wherever they stand in an object."""
    suffix = f".{NAMESPACE}.svc"
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(entries):
        if isinstance(part, str) and suffix in part:
            value[key] = part.replace(suffix, f".{marks.mark('{{ .Release.Namespace }}')}.svc")
        else:
            _addresses_in_namespace(part, marks)


def _value(path: list[str], default: str) -> str:
    """Return the template of a value with a default, a literal of Go's templates."""
    return f"{{{{ {_dig(path, default)} }}}}"


def _block(path: list[str], default: Object) -> str:
    """Return the template of a mapping, on the lines below its key; what is not given is as in the default."""
    given = f"(deepCopy ({_dig(path, 'dict')}))"
    return f"{{{{ merge {given} {_dict(default)} | toYaml | nindent INDENT }}}}"


def _dig(path: list[str], default: str) -> str:
    return f"dig {' '.join(map(_quoted, path[1:]))} {default} .Values.{path[0]}"


def _dict(value: Object) -> str:
    return f"(fromJson {_quoted(json.dumps(value))})"


def _quoted(text: str) -> str:
    """Return a text as a literal of Go's templates, whose escapes include those of JSON."""
    return json.dumps(text)


def _camel_case(name: str) -> str:
    """Return a name that templates can use after a dot.

    >>> _camel_case("cp-zookeeper")
    'cpZookeeper'
    """
    first, *others = name.split("-")
    return first + "".join(other.capitalize() for other in others)

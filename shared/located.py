"""Reads YAML and JSON into plain values, and remembers the line of each, for documents that people write by hand.

Plain scalars follow the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema): `no`, `on` and `12:30`
are texts. Keys are always texts. A key that stands twice is refused, as are tags and a second document.

The reader is a loop over libyaml's events, not the recursive composer of PyYAML, so that depth and size are bounded
whatever the file holds.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from shared.errors import DocumentError

MAX_BYTES = 2_000_000
MAX_DEPTH = 40
MAX_VALUES = 300_000  # scalars, lists and mappings, aliases counted with all that they stand for
_LONGEST_QUOTE = 60  # characters of a key that are quoted in a message

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands: keys of mappings and indices of lists, from the outside inwards."""

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOLEAN = re.compile(r"(true|True|TRUE)|false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}|0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_FLOAT = re.compile(r"[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)")
_SPECIAL_FLOAT = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TEXT_TAG = "tag:yaml.org,2002:str"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Located:
    """A value read from a text, and the line on which each part of it begins.

    Attributes:
        value: mappings, lists, texts, numbers, booleans and None.
        lines: by path, counted from 1; parts that an alias brought have none of their own.
    """

    value: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """Return the line of a value, or of the nearest one around it that has a line."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(text: str) -> Located:
    """Return the value that a text holds.

    Args:
        text: YAML 1.2 or JSON.

    Raises:
        DocumentError: it is neither, or exceeds a bound; the message names the line.
    """
    if len(text) > MAX_BYTES:
        raise DocumentError([f"the document has {len(text)} characters; allowed: at most {MAX_BYTES}"])
    text = text.removeprefix("\ufeff")
    if not text.lstrip().startswith(("{", "[")):
        return _Reader().read(text)
    # libyaml knows neither tabs at the beginning of a line nor surrogate pairs, both of which JSON allows.
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except DocumentError:
        _Reader().read(text.replace("\t", " "))  # names the line of the key, if it can
        raise
    except (ValueError, RecursionError):
        return _Reader().read(text)
    try:
        return Located(value, _Reader().read(text.replace("\t", " ")).lines)
    except DocumentError as exc:
        if exc.bound:
            raise
        return Located(value, {})


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise DocumentError([f"the key {key[:_LONGEST_QUOTE]!r} stands twice in a mapping"])
        found[key] = value
    return found


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read."""

    value: list[Any] | dict[str, Any]
    path: Path
    anchor: str | None
    values_before: int
    key: str | None = None


@dataclass(slots=True)
class _Reader:
    """Builds the value of one text from libyaml's events."""

    _open: list[_Open] = field(default_factory=list)
    _lines: dict[Path, int] = field(default_factory=dict)
    _anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    _values: int = 0
    _documents: int = 0
    _root: Any = None

    def read(self, text: str) -> Located:
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                self._take(event)
        except yaml.MarkedYAMLError as exc:
            mark = exc.problem_mark or exc.context_mark
            line = mark.line + 1 if mark else 1
            raise DocumentError([f"line {line}: not YAML: {exc.problem or exc.context}"]) from exc
        except (yaml.YAMLError, UnicodeError) as exc:  # a character that no YAML may hold
            raise DocumentError([f"not YAML: {exc}".replace("\n", " ")]) from exc
        return Located(self._root, self._lines)

    def _take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise DocumentError([f"line {line}: a second document begins; allowed: one"])
        elif isinstance(event, yaml.ScalarEvent):
            self._count(1, line)
            self._scalar(event, line)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise DocumentError([f"line {line}: the alias *{event.anchor} has no anchor before it"])
            value, values = self._anchors[event.anchor]
            self._count(values, line)
            self._put(value, line, may_be_key=False)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = self._open.pop()
            if ended.anchor:
                self._anchors[ended.anchor] = ended.value, self._values - ended.values_before

    def _begin(self, event: Any, line: int) -> None:
        self._refuse_tag(event, line)
        if len(self._open) >= MAX_DEPTH:
            raise DocumentError([f"line {line}: nested too deeply; allowed: {MAX_DEPTH} levels"], bound=True)
        before = self._values
        self._count(1, line)
        value: list[Any] | dict[str, Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._put(value, line, may_be_key=False)
        self._open.append(_Open(value, path, event.anchor, before))

    def _scalar(self, event: Any, line: int) -> None:
        self._refuse_tag(event, line)
        if self._awaits_key():
            self._put(event.value, line, may_be_key=True)
            return
        plain = event.implicit[0] and event.tag is None
        value = _resolve(event.value) if plain else event.value
        if event.anchor:
            self._anchors[event.anchor] = value, 1
        self._put(value, line, may_be_key=False)

    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def _put(self, value: Any, line: int, *, may_be_key: bool) -> Path:
        """Put a value where it belongs; return its path."""
        if not self._open:
            self._root, self._lines[()] = value, line
            return ()
        into = self._open[-1]
        if isinstance(into.value, list):
            path = (*into.path, len(into.value))
            into.value.append(value)
        elif into.key is None:
            if not may_be_key:
                raise DocumentError([f"line {line}: a list, a mapping or an alias stands where a key should be"])
            if value in into.value:
                raise DocumentError([f"line {line}: the key {value[:_LONGEST_QUOTE]!r} stands twice in a mapping"])
            into.key = value
            path = (*into.path, value)
        else:
            path = (*into.path, into.key)
            into.value[into.key], into.key = value, None
        self._lines.setdefault(path, line)
        return path

    def _count(self, values: int, line: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise DocumentError([f"line {line}: more than {MAX_VALUES} values"], bound=True)

    @staticmethod
    def _refuse_tag(event: Any, line: int) -> None:
        if event.tag not in {None, "!", _TEXT_TAG}:
            raise DocumentError([f"line {line}: the tag {event.tag[:_LONGEST_QUOTE]!r}; allowed: none"])


def _resolve(text: str) -> Any:
    """Return the value of a plain scalar by the core schema."""
    if _NULL.fullmatch(text):
        return None
    if found := _BOOLEAN.fullmatch(text):
        return found[1] is not None
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    if found := _SPECIAL_FLOAT.fullmatch(text):
        return float("nan") if found[3] else float(f"{found[1]}inf")
    return text

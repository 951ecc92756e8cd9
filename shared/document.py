"""Documents that people write and change while a service runs: CAMERASFILE, MODELSFILE, ACCESSFILE.

A text that is wrong at the start ends the process, as a wrong setting does. Later it changes nothing: the last good
text stays in force, one log line names the mistakes, and the metric and /readyz show them until the text is right.
"""

import logging
import threading
import types
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from prometheus_client import CollectorRegistry, Gauge
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from shared import located
from shared.errors import DocumentError, SettingsError
from shared.redact import redact
from shared.setting_words import Form

log = logging.getLogger(__name__)

POLL_S = 0.25
MAX_MISTAKES = 20
_LONGEST_VALUE = 60  # characters of a wrong value that are quoted
_LOGGED_MISTAKES = 5

Model = TypeVar("Model", bound=BaseModel)
_FileState = tuple[int, int, int, int] | None
_named: ContextVar[list[Path] | None] = ContextVar("_named", default=None)


def depends_on(path: Path) -> None:
    """Note a file that a document names; for validators, before they read the file.

    A change of it counts as a change of the document, also while the document is refused for what the file holds.
    """
    named = _named.get()
    if named is not None:
        named.append(path)


def parse_document(text: str, model: type[Model]) -> Model:
    """Return a document of the form `model`.

    Args:
        text: YAML 1.2 or JSON (shared/located.py).
        model: the form. A field whose `json_schema_extra` says `secret` is never quoted.

    Raises:
        DocumentError: with a line for each mistake: its line in the text, the field, what came, what is allowed.
    """
    found = located.read(text)
    try:
        return model.model_validate({} if found.value is None else found.value)
    except ValidationError as exc:
        mistakes = dict.fromkeys(_mistake(dict(error), found, model) for error in exc.errors())
        raise DocumentError(list(mistakes)[:MAX_MISTAKES]) from exc


def document_valid_gauge(service: str, registry: CollectorRegistry) -> Gauge:
    """Return the metric that tells whether the newest text of a document is in force."""
    return Gauge(
        f"{service}_document_valid",
        "1: the newest text of the document is in force; 0: it is wrong, and an older one is",
        ["file"],
        registry=registry,
    )


def _no_files(_: Any) -> Iterable[Path]:
    return ()


class WatchedDocument(Generic[Model]):
    """A document that is read again whenever its file changes, or a file that it names.

    Attributes:
        path: of the file.
        value: the document in force.
        error: why the newest text is not in force; None if it is.
    """

    def __init__(
        self,
        path: Path,
        model: type[Model],
        *,
        variable: str,
        valid: Gauge,
        check: Callable[[Model], None] | None = None,
        also: Callable[[Model], Iterable[Path]] = _no_files,
    ) -> None:
        """Read the document; `run` watches it.

        Args:
            path: of the file.
            model: its form.
            variable: the setting that names the file.
            valid: the metric, from `document_valid_gauge`.
            check: refuses a document for what the form cannot express, by a DocumentError or ValueError.
            also: returns the further files that a document names; a change of one of them counts as a change of the
                document.

        Raises:
            SettingsError: the file cannot be read, or is wrong.
        """
        self.path, self._model, self._check, self._also = path, model, check, also
        self._valid = valid.labels(str(path))
        self.error: str | None = None
        self._watched: tuple[Path, ...] = (path,)
        self._named: list[Path] = []  # in the newest text, which may be wrong
        state = self._states()
        try:
            self.value = self._read()
        except DocumentError as exc:
            raise SettingsError([f"{variable}: {path}: {mistake}" for mistake in exc.mistakes]) from exc
        self._watch_files_of(self.value, state)
        self._valid.set(1)

    def readiness(self) -> str:
        """Return the document's entry in /readyz: `ok`, or what is wrong with the newest text."""
        return "ok" if self.error is None else f"an older text is in force: {self.error}"

    def run(self, stop: threading.Event, beat: Callable[[], None], on_change: Callable[[Model], None]) -> None:
        """Watch the files until `stop`; call `on_change` in this thread with each new document that is right."""
        candidate = self._seen
        while not stop.wait(POLL_S):
            beat()
            states = self._states()
            if states not in (self._seen, candidate):
                candidate = states  # perhaps half written: wait until a look finds it unchanged
            elif states != self._seen and self._read_again(states):
                on_change(self.value)

    def _read_again(self, states: tuple[_FileState, ...]) -> bool:
        """Read the changed files; return whether the document is right."""
        try:
            value = self._read()
        except DocumentError as exc:
            self._watch((*self._watched, *self._named), states)
            self.error = "; ".join(exc.mistakes[:_LOGGED_MISTAKES])
            self._valid.set(0)
            log.error(  # noqa: TRY400 (the mistakes say it all)
                "document is wrong; the older one stays in force",
                extra={"file": str(self.path), "mistakes": len(exc.mistakes), "mistake": self.error},
            )
            return False
        self._watch_files_of(value, states)
        self.value, self.error = value, None
        self._valid.set(1)
        log.info("document read again", extra={"file": str(self.path)})
        return True

    def _watch_files_of(self, value: Model, states: tuple[_FileState, ...]) -> None:
        """Watch the files that a document names, as they were when `states` was read."""
        self._watch((self.path, *self._named, *self._also(value)), states)

    def _watch(self, files: Iterable[Path], states: tuple[_FileState, ...]) -> None:
        before = dict(zip(self._watched, states, strict=True))
        self._watched = tuple(dict.fromkeys(files))
        self._seen = tuple(before[path] if path in before else _state(path) for path in self._watched)

    def _read(self) -> Model:
        self._named = []
        token = _named.set(self._named)
        try:
            with self.path.open("rb") as file:
                data = file.read(located.MAX_BYTES + 1)  # one more, so that `read` refuses what is longer
            value = parse_document(data.decode(), self._model)
            if self._check is not None:
                self._check(value)
        except OSError as exc:
            raise DocumentError([f"cannot be read: {exc.strerror}"]) from exc
        except UnicodeDecodeError as exc:
            line = data.count(b"\n", 0, exc.start) + 1
            raise DocumentError([f"line {line}: not UTF-8"]) from exc
        except DocumentError:
            raise
        except ValueError as exc:
            raise DocumentError([redact(str(exc))]) from exc
        finally:
            _named.reset(token)
        return value

    def _states(self) -> tuple[_FileState, ...]:
        return tuple(map(_state, self._watched))


def _state(path: Path) -> _FileState:
    """Return what changes with the contents of a file, also if a symbolic link now leads to another; None: no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _mistake(error: dict[str, Any], found: located.Located, model: type[BaseModel]) -> str:
    """Return the line for one error of pydantic."""
    unknown = error["type"] == "extra_forbidden"
    place = _place(model, error["loc"][:-1] if unknown else error["loc"])
    path = (*place.path, error["loc"][-1]) if unknown else place.path
    where = f"line {found.line(path)}: " + (".".join(map(str, path)) or "the document")
    if unknown:
        return f"{where}: unknown field; allowed: {', '.join(place.fields())}"
    if error["type"] == "missing":
        return f"{where}: is missing"
    form = next((part.words for part in place.metadata if isinstance(part, Form)), None) or _form(place.annotation)
    message = str(error["msg"]).removeprefix("Value error, ")
    allowed = f"allowed: {form}" if form else redact(message[:1].lower() + message[1:])
    return f"{where}: got {'***' if place.secret else _quoted(error.get('input'))}; {allowed}"


def _quoted(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = redact(str(value))
    short = text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
    return repr(short) if isinstance(value, str) else short


@dataclass(slots=True)
class _Place:
    """Where an error stands in a document: its path in the text, and the type of what should stand there."""

    path: located.Path
    annotation: Any
    metadata: list[Any]
    secret: bool = False

    def fields(self) -> list[str]:
        """Return the names of the fields that may stand here."""
        models = [kind for kind in _members(self.annotation) if _is_model(kind)]
        return [str(field.alias or name) for model in models for name, field in model.model_fields.items()]


def _place(model: type[BaseModel], loc: tuple[str | int, ...]) -> _Place:
    """Return the place of a location of pydantic, without the names of members of unions, which pydantic adds."""
    place = _Place((), model, [])
    for part in loc:
        step = _step(place.annotation, part)
        if isinstance(step, FieldInfo):
            extra = step.json_schema_extra if isinstance(step.json_schema_extra, dict) else {}
            place = _Place((*place.path, part), step.annotation, step.metadata, bool(extra.get("secret")))
        elif step is not None:
            place = _Place((*place.path, part), step, [], place.secret)
    return place


def _step(annotation: Any, part: str | int) -> Any:
    """Return the field, or the type, of one part of a value of a type; None if there is none."""
    for kind in _members(annotation):
        if _is_model(kind):
            for name, field in kind.model_fields.items():
                if part in {name, field.alias}:
                    return field
        origin, args = get_origin(kind), get_args(kind)
        if origin is dict and isinstance(part, str):
            return args[1]
        if origin in {list, tuple} and isinstance(part, int):
            return args[min(part, len(args) - 1)] if args[-1] is not Ellipsis else args[0]
    return None


def _form(annotation: Any) -> str | None:
    """Return what a type allows, in words, if it or a member of it says so."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        return next((part.words for part in metadata if isinstance(part, Form)), None) or _form(inner)
    if get_origin(annotation) in {Union, types.UnionType}:
        return next(filter(None, map(_form, get_args(annotation))), None)
    return None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _members(annotation: Any) -> Iterable[Any]:
    """Return the members of a union, without what Annotated adds."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in {Union, types.UnionType}:
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation

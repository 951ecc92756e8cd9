"""Sets up the log: a line for each change, to standard output, as text or JSON.

It contains text from external sources: a camera's error, a model server's answer. Credentials are taken out, control
characters escaped, and long texts cut, so that a line is one line and says what it is.
"""

import json
import logging
import sys
import time
from typing import Any

from shared.process.log_writer import QueuedHandler, never_block
from shared.redact import redact

MAX_TEXT = 2000  # characters of a message or a fact
MAX_TRACEBACK = 10_000  # characters; its end is kept, which names the error
MAX_ITEMS = 50  # of a list or a mapping
_MAX_DEPTH = 4
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(*, level: str, form: str, service: str) -> None:
    """Send the log of this process to standard output.

    Args:
        level: debug, info, warning or error.
        form: `text` for humans, `json` for a cluster's log collector: one object per line.
        service: name on every line.
    """
    handler = QueuedHandler(sys.stdout.fileno(), service=service)
    handler.setFormatter(_JsonLines(service) if form == "json" else _TextLines(service))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("uvicorn.access", "urllib3", "asyncio", "libav"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    never_block(sys.stderr.fileno())


def facts_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what was given as `extra=` to a call of the log."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def one_line(text: str) -> str:
    r"""Return a text without credentials, cut to MAX_TEXT, with every character that cannot be shown escaped.

    >>> one_line("\x1b[2Jgone\n12:00:00 INFO consumer: all is well")
    '\\x1b[2Jgone\\n12:00:00 INFO consumer: all is well'
    """
    cut = _cut(text)
    return cut if cut.isprintable() else "".join(map(_escaped, cut))


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


class _Lines(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def traceback_of(self, record: logging.LogRecord) -> str:
        """Return the traceback of a record without credentials; empty if it has none."""
        return redact(self.formatException(record.exc_info))[-MAX_TRACEBACK:] if record.exc_info else ""


class _TextLines(_Lines):
    """`12:00:01 INFO    producer: camera is up  camera=front`; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        facts = "".join(f"  {one_line(name)}={one_line(str(value))}" for name, value in facts_of(record).items())
        line = f"{at} {record.levelname:<7} {self._service}: {one_line(record.getMessage())}{facts}"
        trace = [f"    {one_line(traced)}" for traced in self.traceback_of(record).splitlines()]
        return "\n".join((line, *trace))


class _JsonLines(_Lines):
    """One JSON object a line: at (RFC 3339, UTC), level, service, message, the facts, and a traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        line: dict[str, Any] = {
            "at": at,
            "level": record.levelname.lower(),
            "service": self._service,
            "message": _cut(record.getMessage()),
        }
        for name, value in facts_of(record).items():
            line.setdefault(name, _shown(value))
        if record.exc_info:
            line["traceback"] = self.traceback_of(record)
        return json.dumps(line, default=str)  # JSON escapes control characters itself


def _cut(text: str) -> str:
    """Return a text without credentials, cut to MAX_TEXT."""
    # Redacted first, and more of it than is kept: a link that is cut before its @ would show its password.
    shown = redact(text[: 4 * MAX_TEXT])
    return shown if len(shown) <= MAX_TEXT else shown[:MAX_TEXT] + "…"


def _shown(value: Any, depth: int = 0) -> Any:
    """Return a fact without credentials, before it becomes JSON, whose escapes would hide where they end."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else "a very large number"  # str() refuses more than 4300 digits
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        items = list(value.items())[:MAX_ITEMS]
        return {_cut(str(name)): _shown(inner, depth + 1) for name, inner in items}
    if isinstance(value, (list, tuple)) and depth < _MAX_DEPTH:
        return [_shown(inner, depth + 1) for inner in value[:MAX_ITEMS]]
    return _cut(str(value))

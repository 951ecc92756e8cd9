"""Sets up the log: a line for each thing that changes, to standard output, as text or JSON."""

import json
import logging
import sys
import time
from typing import Any

from shared.redact import redact

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(*, level: str, form: str, service: str) -> None:
    """Send the log of this process to standard output.

    Args:
        level: debug, info, warning or error.
        form: `text` for people, `json` for a cluster's collector: one object a line.
        service: name put on every JSON line.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonLines(service) if form == "json" else _TextLines(service))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("uvicorn.access", "urllib3", "asyncio", "libav"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def facts_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what was given as `extra=` to a call of the log."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


class _TextLines(logging.Formatter):
    """`12:00:01 INFO  producer: camera is up  camera=front`, credentials taken out."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        facts = "".join(f"  {name}={value}" for name, value in facts_of(record).items())
        line = f"{at} {record.levelname:<7} {self._service}: {record.getMessage()}{facts}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line)


class _JsonLines(logging.Formatter):
    """One JSON object a line: at (RFC 3339, UTC), level, service, message, the facts, and a traceback if any."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        line: dict[str, Any] = {
            "at": at,
            "level": record.levelname.lower(),
            "service": self._service,
            "message": redact(record.getMessage()),
        }
        for name, value in facts_of(record).items():
            line.setdefault(name, _redacted(value))
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, default=str)


def _redacted(value: Any) -> Any:
    """Return a fact without credentials; before it is JSON, whose escapes would hide where they end."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {redact(str(name)): _redacted(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(inner) for inner in value]
    return redact(str(value))

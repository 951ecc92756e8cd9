"""Typed reports, written as the JSON in which they travel."""

import json
from typing import Any

from shared.clock import now_us
from shared.report_reader import read_entry
from shared.reports import Report


def report_of(**parts: dict[str, Any]) -> Report:
    """Return a report of `cameras`, `models` and `ledger`; fail if any entry in them makes no sense."""
    head = {"service": "producer", "instance": "host", "at": now_us(), "ending": False}
    document = head | {"cameras": {}, "models": {}, "ledger": {}} | parts
    entry = read_entry(json.dumps(document).encode(), heard_at=0.0)
    assert entry.ignored == 0, parts
    return entry.report

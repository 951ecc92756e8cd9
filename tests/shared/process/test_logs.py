import json
import logging
import re
import subprocess
import sys

import pytest

_PROGRAM = """
import logging, sys
from shared.process.logs import configure
configure(level=sys.argv[1], form=sys.argv[2], service="producer")
log = logging.getLogger("test")
log.debug("details")
log.info("camera is up", extra={"camera": "front", "source": "rtsp://me:hunter2@host/x?token=hunter2"})
log.warning("cannot open %s: %s", "rtsp://me:hunt'er2@host/x", "refused",
            extra={"tried": ["http://a:hunter2@h"], "last": {"link": 'x://u:hun"ter2@h'}, "fps": 23.8, "level": "mine"})
try:
    raise ValueError("bad link rtsp://me:hunter2@host/x")
except ValueError:
    log.exception("crashed")
"""


def lines(level: str, form: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", _PROGRAM, level, form], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert not re.search("hunt.?er2", done.stdout)
    return done.stdout.splitlines()


def test_a_line_of_text_says_when_who_what_and_the_facts() -> None:
    """For people, to standard output, without credentials, tracebacks included."""
    said = lines("info", "text")

    assert re.fullmatch(
        r"\d\d:\d\d:\d\d INFO    producer: camera is up  camera=front  source=rtsp://\*\*\*@host/x\?\*\*\*", said[0]
    )
    assert "WARNING producer: cannot open rtsp://***@host/x: refused" in said[1]
    assert said[2].endswith("ERROR   producer: crashed")
    assert said[3].startswith("Traceback")
    assert said[-1] == "ValueError: bad link rtsp://***@host/x"


def test_a_line_of_json_is_one_object() -> None:
    """For a cluster's collector: each line parses, facts are fields, and take nobody's place."""
    documents = [json.loads(line) for line in lines("info", "json")]

    assert len(documents) == 3
    for document in documents:
        assert document["service"] == "producer"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", document["at"])
    first, second, third = documents
    assert (first["level"], first["message"], first["camera"]) == ("info", "camera is up", "front")
    assert first["source"] == "rtsp://***@host/x?***"
    assert second["level"] == "warning"
    assert second["tried"] == ["http://***@h"]
    assert second["last"] == {"link": "x://***@h"}
    assert second["fps"] == 23.8
    assert third["traceback"].endswith("ValueError: bad link rtsp://***@host/x")


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_is_the_least_severity_that_is_logged(level: str, count: int) -> None:
    """The four levels of LOGLEVEL."""
    assert len(lines(level, "json")) == count


def test_the_standard_library_s_records_have_no_facts() -> None:
    """Only what was given as `extra` is one."""
    from shared.process.logs import facts_of

    record = logging.makeLogRecord({"msg": "x", "camera": "front"})
    assert facts_of(record) == {"camera": "front"}

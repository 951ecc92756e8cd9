import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.process.log_writer import QueuedHandler
from shared.process.logs import MAX_TEXT, facts_of, one_line
from tests.conftest import Recovery

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
    assert said[3].startswith("    Traceback")
    assert said[-1] == "    ValueError: bad link rtsp://***@host/x"


def test_a_line_of_json_is_one_object() -> None:
    """For a cluster's collector: each line parses, facts are fields, and replace none of the standard ones."""
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
    record = logging.makeLogRecord({"msg": "x", "camera": "front"})
    assert facts_of(record) == {"camera": "front"}


HOSTILE = "\x1b]0;PWNED\x07\x1b[2J\r\n12:00:00 INFO    consumer: model is up\u2028\ud800"


def test_texts_of_others_stay_on_their_line() -> None:
    """Neither escape sequences nor forged lines come through."""
    shown = one_line(HOSTILE)

    assert shown == r"\x1b]0;PWNED\x07\x1b[2J\r\n12:00:00 INFO    consumer: model is up\u2028\ud800"
    assert len(one_line("a" * 1_000_000)) == MAX_TEXT + 1
    assert "hunter2" not in one_line("rtsp://me:hunter2@host/\x00")


_HOSTILE_PROGRAM = """
import logging, sys
from shared.process.logs import configure
configure(level="info", form=sys.argv[1], service="consumer")
said = sys.argv[2].encode().decode("unicode_escape")
facts = {"reason": said, "a\\nb": 10 ** 400, "many": [[[[[[said]]]]]] * 1000}
logging.warning("model is down: %s", said, extra=facts)
try:
    raise ValueError(said)
except ValueError:
    logging.exception("crashed")
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_log_with_hostile_texts_can_be_read(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HOSTILE_PROGRAM, form, one_line(HOSTILE)], capture_output=True, check=True
    )

    assert done.stderr == b""
    said = done.stdout.decode().splitlines()
    assert not any(line.startswith("12:00:00") for line in said)
    assert all(line.isprintable() for line in said)
    if form == "json":
        assert [json.loads(line)["message"][:5] for line in said] == ["model", "crash"]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        os.close(end)


def test_a_log_that_nobody_reads_stops_nothing_and_says_so_when_it_is_read(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    handler = QueuedHandler(writing, service="video", max_lines=20)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    sent = 0
    while handler._dropped < 30:
        handler.handle(logging.makeLogRecord({"msg": f"{sent} {'x' * 4000}", "levelname": "INFO"}))
        sent += 1
        assert sent < 1000
    began = time.monotonic()
    handler.flush()
    assert time.monotonic() - began < 30

    read = b""
    while b"WARNING" not in read:
        read += os.read(reading, 1 << 16)
    numbers = [
        int(line.split()[1]) for line in read.decode().splitlines() if line.startswith("INFO") and len(line) > 4000
    ]
    assert numbers == sorted(numbers)
    assert b"WARNING log lines were dropped because the log was not read" in read


_UNREAD_PROGRAM = """
import logging, os, sys, time
from shared.process.logs import configure
configure(level="info", form="text", service="video")
for number in range(5000):
    logging.info("line %d %s", number, "x" * 100)
    try:
        os.write(2, b"libjpeg complains about a picture\\n" * 100)
    except BlockingIOError:
        pass
open(sys.argv[1], "w").write("done")
"""


def test_a_link_that_is_cut_shows_no_password() -> None:
    """Nor does one at the beginning of a traceback that is too long."""
    for length in range(MAX_TEXT - 40, MAX_TEXT):
        assert "hunter2" not in one_line("x" * length + " rtsp://me:hunter2hunter2hunter2@host/")


def test_standard_output_and_error_may_be_one_pipe() -> None:
    """Whole lines arrive although writes to the pipe fail while it is full."""
    program = """
import logging, time
from shared.process.logs import configure
configure(level="info", form="text", service="video")
for number in range(500):
    logging.info("line %d %s", number, "x" * 1000)
logging.shutdown()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        said = process.stdout.read().decode()

    assert [int(line.split()[4]) for line in said.splitlines()] == list(range(500))


def test_a_slow_reader_gets_every_line_before_the_end() -> None:
    """A service's last lines say why it ended; they are lost only if nobody reads."""
    program = """
import logging
from shared.process.logs import configure
configure(level="info", form="text", service="video")
for number in range(160):
    logging.info("line %d %s", number, "x" * 1000)
"""
    said = b""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while read := os.read(process.stdout.fileno(), 16_000):
            said += read
            time.sleep(0.1)  # 0.7 s for all: the slow reader is what is tested

    assert [int(line.split()[4]) for line in said.decode().splitlines()] == list(range(160))


@pytest.mark.fault(
    "a log that nobody reads",
    expects="the process continues; lines beyond the bound are dropped",
)
def test_a_process_whose_output_nobody_reads_continues(tmp_path: Path, recovery: Recovery) -> None:
    """Nor do libraries that write to standard error stop it."""
    note = tmp_path / "note"
    with subprocess.Popen(
        [sys.executable, "-c", _UNREAD_PROGRAM, str(note)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.wait(60)
        assert process.stdout is not None
        said = process.stdout.read()

    assert note.read_text() == "done"
    assert b"line 0 " in said
    assert len(said) <= 1 << 17
    recovery.seen(f"5000 lines were logged; {len(said) // 1024} KB waited to be read", seconds=None)


def test_a_reader_that_has_gone_stops_nothing(pipe: tuple[int, int]) -> None:
    reading, writing = os.pipe()
    handler = QueuedHandler(writing, service="video")
    os.close(reading)
    for number in range(100):
        handler.handle(logging.makeLogRecord({"msg": f"{number}"}))
    handler.flush()

    assert not handler._lines
    os.close(writing)

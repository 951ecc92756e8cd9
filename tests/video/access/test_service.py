"""The service as a process with an access document, on the embedded broker."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx

from shared.bus import Bus, Reader, Writer
from tests.video.stage import Stream
from tests.video.test_main import Sender, bus, running
from tests.waiting import wait_until

__all__ = ["bus"]  # the fixture
TOKEN = "of-the-guard"
AUDIT = "videoaudit"
FIELDS = "viewers, tokens, jwt, oidc, proxy, links, sessions, audit"


def document(folder: Path) -> Path:
    """Write a document with one role and one token; return its path."""
    (folder / "tokens").write_text(f"guard {hashlib.sha256(TOKEN.encode()).hexdigest()} Gate\n")
    path = folder / "access.yml"
    path.write_text(
        f"viewers: {{roles: {{guard: {{cameras: ['*']}}}}}}\ntokens: {{file: {folder}/tokens}}\naudit: {{log: true}}\n"
    )
    return path


def test_who_watched_is_on_the_bus_and_in_the_log(bus: Bus, tmp_path: Path) -> None:
    with Writer(bus) as writer:
        writer.send(AUDIT, key="nobody", value=b"", headers=[], on_delivery=lambda _: None)  # creates the topic
        with running(bus, ACCESSFILE=str(document(tmp_path))) as video:
            video.starts()
            Sender(writer, video).send("front", 1, shown=False)
            entered = {"Authorization": f"Bearer {TOKEN}"}
            cameras = f"http://127.0.0.1:{video.port}/cameras"
            wait_until(lambda: httpx.get(f"{cameras}/front/snapshot.jpg", headers=entered).status_code == 200)
            assert video.get("/cameras").status_code == 401
            assert video.probe("/readyz").json()["access"] == "ok"
            assert "of-the-guard" not in video.log
            with Stream(video.port, f"/cameras/front/stream?token={TOKEN}") as stream:
                assert "303" in stream.line()
            assert video.ends() < 3
            assert "a viewing ended" in video.log
            assert "everyone who reaches" not in video.log
    with Reader.of_all_partitions(bus, AUDIT, group="auditor", replay_last=10) as reader:
        records: list[bytes] = []

        def read() -> bool:
            records.extend(record.value for record in reader.read(0.2) if record.value)
            return bool(records)

        wait_until(read)
    found = json.loads(records[0])
    assert (found["who"], found["role"], found["camera"], found["what"]) == ("Gate", "guard", "front", "snapshot")


def test_without_a_document_the_log_says_that_everyone_sees_everything(bus: Bus) -> None:
    with running(bus) as video:
        wait_until(video.answers)

        assert video.log.count("everyone who reaches this service sees every camera: no ACCESSFILE is set") == 1
        assert httpx.get(f"http://127.0.0.1:{video.port}/whoami").json()["open"] is True


def test_mistakes_in_the_document_end_the_start(tmp_path: Path) -> None:
    path = document(tmp_path)
    path.write_text(path.read_text().replace("cameras", "camera") + "jwt: {issuer: https://a.example}\nwho: me\n")
    ended = subprocess.run(
        [sys.executable, "-m", "video"],
        env={**os.environ, "ACCESSFILE": str(path), "DISPLAYPORT": "127.0.0.1:0", "PROBEPORT": "127.0.0.1:0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        f"video: ACCESSFILE: {path}: line 1: viewers.roles.guard.camera: unknown field; allowed: cameras, predictions",
        f"video: ACCESSFILE: {path}: line 4: jwt.audience: is missing",
        f"video: ACCESSFILE: {path}: line 5: who: unknown field; allowed: {FIELDS}",
    ]

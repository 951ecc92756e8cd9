"""What is written down about who watched what."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.clock import now_us
from tests.video.access.test_live import frame_header, remove_token, watch
from tests.video.access.world import GUARD, NEIGHBOUR, World
from tests.waiting import wait_until
from video.access import audit
from video.access.access import Access, Viewer
from video.access.audit import Audit, What
from video.access.identity import Identity, Kind


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as running:
        running.keep_showing()
        yield running


def test_a_viewing_is_written_down_when_it_ends(world: World) -> None:
    began = now_us()
    with world.client("127.3.0.7") as client:
        assert client.get("/cameras/front/stream", {"Authorization": f"Bearer {GUARD}"}).status() == 200
        wait_until(lambda: world.stage.metric("video_viewer_frames_sent_total", camera="front") >= 3)
    wait_until(lambda: world.audited)

    (record,) = world.audited
    assert record["who"].startswith("token ")
    assert (record["role"], record["camera"], record["what"]) == ("guard", "front", "mjpeg")
    assert (record["address"], record["by"], record["ended"]) == ("127.3.0.7", "token", True)
    assert began <= record["from"] < record["until"] <= now_us()
    assert record["frames"] == world.stage.metric("video_viewer_frames_sent_total", camera="front")


def test_each_camera_of_a_page_is_a_viewing(world: World) -> None:
    with world.client() as client:
        client.upgrade(f"Authorization: Bearer {GUARD}\r\n".encode())
        watch(client, "front", "yard-1")
        seen = {frame_header(client)["camera"] for _ in range(2)}
        assert seen == {"front", "yard-1"}
    wait_until(lambda: len(world.audited) == 2)

    assert {(record["camera"], record["what"], record["frames"]) for record in world.audited} == {
        ("front", "websocket", 1),
        ("yard-1", "websocket", 1),
    }


def test_a_viewing_that_lasts_is_written_down_again_and_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "EVERY_S", 0.6)
    with world.client() as client:
        client.get("/cameras/yard-1/stream", {"Authorization": f"Bearer {NEIGHBOUR}"}).status()
        wait_until(lambda: len(world.audited) >= 2)
    wait_until(lambda: world.audited[-1]["ended"])

    assert len({record["id"] for record in world.audited}) == 1
    assert len({record["from"] for record in world.audited}) == 1
    assert [record["ended"] for record in world.audited[:-1]] == [False] * (len(world.audited) - 1)
    frames = [record["frames"] for record in world.audited]
    assert frames == sorted(frames)


def test_a_viewing_that_its_right_ends_keeps_the_role_that_it_had(world: World) -> None:
    with world.client() as client:
        client.get("/cameras/front/stream", {"Authorization": f"Bearer {GUARD}"}).status()
        wait_until(lambda: world.stage.metric("video_viewer_frames_sent_total", camera="front") >= 1)
        remove_token(world)
        assert client.is_closed()
    wait_until(lambda: world.audited)

    assert [record["role"] for record in world.audited] == ["guard"]


def test_single_pictures_make_one_viewing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "EVERY_S", 1.0)
    with world.client("127.3.0.8") as client:
        for _ in range(3):
            answer = client.get("/cameras/front/snapshot.jpg", {"Authorization": f"Bearer {GUARD}"}).answer()
            assert answer[0] == 200
        client.get("/cameras/front/predictions", {"Authorization": f"Bearer {GUARD}"}).answer()
        client.get("/cameras/yard-1/snapshot.jpg", {"Authorization": "Bearer wrong"}).answer()
    wait_until(lambda: len(world.audited) == 2)

    counts = {(record["camera"], record["what"]): record["frames"] for record in world.audited}
    assert counts == {("front", "snapshot"): 3, ("front", "predictions"): 1}


def test_viewings_of_single_requests_are_bounded() -> None:
    records: list[dict[str, object]] = []
    kept = Audit(records.append)
    access = Access()
    for number in range(audit.MAX_ASKED + 10):
        kept.asked(Viewer(access, Identity(Kind.PROXY, f"viewer {number}")), "front", What.SNAPSHOT)

    assert [record["who"] for record in records] == [f"viewer {number}" for number in range(10)]
    kept.tick(time.monotonic() + audit.EVERY_S)
    assert len(records) == audit.MAX_ASKED + 10

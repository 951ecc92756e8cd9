"""A change of the document, its files or the time is in force at once, also for streams that run."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import SO_RCVBUF, SOL_SOCKET

import pytest

from tests.video.access.world import GUARD, NEIGHBOUR, PROXY, World
from tests.video.client import Client
from tests.video.stage import jpeg
from tests.waiting import wait_until
from video.access.key_files import Key

ENDS_WITHIN_S = 5.0  # what the design promises
STREAM = "/cameras/front/stream"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as running:
        running.keep_showing()
        yield running


def remove_token(world: World) -> None:
    del world.tokens[GUARD]
    world.change()


def remove_link_key(world: World) -> None:
    world.link_keys = [Key("k2", b"another-secret-of-links")]
    world.change()


def narrow_role(world: World) -> None:
    world.document["viewers"]["roles"]["guard"]["cameras"] = ["lobby"]
    world.change()


def remove_role(world: World) -> None:
    del world.document["viewers"]["roles"]["guard"]
    world.change()


def distrust_proxy(world: World) -> None:
    world.document["proxy"]["trusted"] = ["10.0.0.0/8"]
    world.change()


def nothing(_: World) -> None:
    """Wait: the credential expires by itself."""


ENDS: dict[str, tuple[Callable[[World], tuple[dict[str, str], str]], Callable[[World], None]]] = {
    "token removed": (lambda _: ({"Authorization": f"Bearer {GUARD}"}, ""), remove_token),
    "role narrowed": (lambda _: ({"Authorization": f"Bearer {GUARD}"}, ""), narrow_role),
    "role removed": (lambda world: ({"Authorization": f"Bearer {world.issuer.token()}"}, ""), remove_role),
    "link key removed": (lambda world: ({}, f"?link={world.link()}"), remove_link_key),
    "link expired": (lambda world: ({}, f"?link={world.link(seconds=2)}"), nothing),
    "JWT expired": (
        lambda world: ({"Authorization": f"Bearer {world.issuer.token(exp=int(time.time()) + 1)}"}, ""),
        nothing,
    ),
    "proxy distrusted": (lambda _: ({"X-Forwarded-User": "ann", "X-Forwarded-Groups": "guard"}, ""), distrust_proxy),
}


@pytest.mark.parametrize("cause", ENDS)
def test_a_running_stream_ends_soon_after_its_right(world: World, cause: str) -> None:
    credential, end = ENDS[cause]
    headers, query = credential(world)
    source = PROXY if "X-Forwarded-User" in headers else None
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    with world.client(source) as stream, world.client(source) as socket:
        assert stream.get(STREAM + query, headers).status() == 200
        assert socket.upgrade(lines, path="/ws" + query).split()[1] == "101"
        watch(socket)
        assert "front" in cameras_of(socket)
        stream.socket.settimeout(ENDS_WITHIN_S + 5)
        end(world)
        ended = time.monotonic()

        assert stream.is_closed()
        if cause == "role narrowed":
            wait_until(lambda: cameras_of(socket) == ["lobby"])
        else:
            assert socket.close_code() == 4401
        took_s = time.monotonic() - ended

    # The expiry itself comes 1 s and its skew of 3 s after the request.
    assert took_s < ENDS_WITHIN_S + (4 if end is nothing else 0)


def test_a_page_that_reads_nothing_is_cut_off_too(world: World) -> None:
    """Its pictures do not wait in the service until it reads again."""
    large = jpeg(1600, 1200, noise=60)
    with world.client() as socket:
        socket.socket.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
        socket.upgrade(f"Authorization: Bearer {GUARD}\r\n".encode())
        watch(socket, "front", "lobby", "yard-1")
        for camera in ("front", "lobby", "yard-1"):
            world.stage.show(camera, 1_000_000, large)
        wait_until(lambda: world.stage.metric("video_viewers", camera="front") == 1)
        remove_token(world)
        ended = time.monotonic()
        wait_until(lambda: world.stage.metric("video_viewers", camera="front") == 0)

        assert time.monotonic() - ended < ENDS_WITHIN_S


def test_other_streams_run_on(world: World) -> None:
    with world.client() as stream:
        assert stream.get("/cameras/yard-1/stream", {"Authorization": f"Bearer {NEIGHBOUR}"}).status() == 200
        remove_token(world)
        world.stage.bus_silent_s = 0.0
        before = world.stage.metric("video_viewer_frames_sent_total", camera="yard-1")
        wait_until(lambda: world.stage.metric("video_viewer_frames_sent_total", camera="yard-1") > before + 20)

        assert world.stage.metric("video_viewers", camera="yard-1") == 1


def test_more_rights_show_more_cameras_at_once(world: World) -> None:
    with world.client() as socket:
        socket.upgrade(f"Authorization: Bearer {NEIGHBOUR}\r\n".encode())
        watch(socket)
        assert cameras_of(socket) == ["yard-1"]
        world.document["viewers"]["roles"]["neighbour"]["cameras"].append("front")
        world.change()

        wait_until(lambda: cameras_of(socket) == ["front", "yard-1"])


def test_a_status_names_only_cameras_that_the_viewer_may_see(world: World) -> None:
    with world.client() as guard, world.client() as neighbour:
        guard.upgrade(f"Authorization: Bearer {GUARD}\r\n".encode())
        neighbour.upgrade(f"Authorization: Bearer {NEIGHBOUR}\r\n".encode())

        seen = {client: client.hear("status") for client in (guard, neighbour)}
    assert [camera["id"] for camera in seen[guard]["cameras"]] == ["front", "lobby", "yard-1"]
    assert [camera["id"] for camera in seen[neighbour]["cameras"]] == ["yard-1"]
    assert set(seen[neighbour]["ledger"]) == {"yard-1"}


def test_a_frame_has_no_predictions_for_a_viewer_that_may_not_read_them(world: World) -> None:
    headers = {}
    for token in (GUARD, NEIGHBOUR):
        with world.client() as client:
            client.upgrade(f"Authorization: Bearer {token}\r\n".encode())
            watch(client, "yard-1")
            headers[token] = frame_header(client)

    assert headers[GUARD]["predictions"]
    assert headers[NEIGHBOUR]["predictions"] == []


def test_a_wrong_document_changes_nothing(world: World) -> None:
    before = world.access.policy
    (world.folder / "tokens").write_text("guard not-a-digest\n")
    gauge = {"file": str(world.folder / "access.yml")}
    wait_until(lambda: world.registry.get_sample_value("video_document_valid", gauge) == 0)
    with world.client() as client:
        assert client.get("/cameras", {"Authorization": f"Bearer {GUARD}"}).status() == 200
    assert world.access.policy is before

    world.tokens["new"] = "guard"
    world.change()
    with world.client() as client:
        assert client.get("/cameras", {"Authorization": "Bearer new"}).status() == 200
    assert world.registry.get_sample_value("video_document_valid", gauge) == 1


def test_a_new_signing_key_is_fetched_and_a_withdrawn_one_refused(world: World) -> None:
    old = world.issuer.token()
    world.issuer.add_key("ec-2")
    world.issuer.remove_key("rsa-1")
    with world.client() as client:
        assert client.get("/cameras", {"Authorization": f"Bearer {world.issuer.token('ec-2')}"}).answer()[0] == 200
        assert client.get("/cameras", {"Authorization": f"Bearer {old}"}).answer()[0] == 401


def test_an_issuer_that_is_away_changes_nothing_for_known_keys(world: World) -> None:
    token = {"Authorization": f"Bearer {world.issuer.token()}"}
    with world.client() as client:
        assert client.get("/cameras", token).answer()[0] == 200
        world.issuer.add_key("ec-2")
        unknown = world.issuer.token("ec-2")
        world.issuer.stop()

        assert client.get("/cameras", {"Authorization": f"Bearer {unknown}"}).answer()[0] == 401
        assert client.get("/cameras", token).answer()[0] == 200
        world.issuer.start()
        wait_until(lambda: client.get("/cameras", {"Authorization": f"Bearer {unknown}"}).answer()[0] == 200)


def test_invented_keys_do_not_make_the_issuer_busy(world: World) -> None:
    before = world.issuer.asked
    for number in range(30):
        with world.client() as client:
            token = invented(world, f"key-{number}")
            assert client.get("/cameras", {"Authorization": f"Bearer {token}"}).status() == 401

    assert world.issuer.asked - before <= 4


def test_requests_that_were_refused_are_counted_by_reason(world: World) -> None:
    with world.client() as client:
        client.get("/cameras").answer()
        client.get("/cameras/front/stream", {"Authorization": f"Bearer {NEIGHBOUR}"}).answer()
        client.get("/cameras", {"Authorization": "Bearer x"}).answer()

    assert [world.denied(reason) for reason in ("no_credential", "camera", "unknown_token")] == [1, 1, 1]


def invented(world: World, key: str) -> str:
    """Return a token that names a key that the issuer does not have."""
    import jwt
    from cryptography.hazmat.primitives.asymmetric import ec

    claims = {"iss": world.issuer.issuer, "aud": "video", "exp": int(time.time()) + 60}
    return jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256", headers={"kid": key})


def watch(client: Client, *cameras: str) -> None:
    """Ask for cameras over a WebSocket; for none, to get the status only."""
    from tests.video.client import ws_frame

    client.send(ws_frame(json.dumps({"type": "watch", "cameras": {name: {} for name in cameras}}).encode()))


def cameras_of(client: Client) -> list[str]:
    """Return the cameras that the next status names."""
    return [camera["id"] for camera in client.hear("status")["cameras"]]


def frame_header(client: Client) -> dict[str, object]:
    """Read on to the next frame; return its header."""
    while True:
        opcode, data = client.message()
        if opcode == 2:
            return dict(json.loads(data[4 : 4 + int.from_bytes(data[:4], "big")]))

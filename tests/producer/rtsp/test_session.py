import contextlib
import random
import socket
import threading

import pytest

from local.ports import free_port
from producer.rhythm import Rhythm
from producer.rtsp.camera import RtspCamera
from producer.rtsp.depacketizer import UnsupportedStream
from shared.errors import CameraError, CameraLost

OK = "RTSP/1.0 200 OK\r\nCSeq: {n}\r\n"
DESCRIPTION = "v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"
LENGTH = f"Content-Length: {len(DESCRIPTION)}\r\n\r\n"
DIGEST = 'WWW-Authenticate: Digest realm="a", nonce="b", qop="auth"'
ANSWERS = {
    "OPTIONS": f"{OK}Public: DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\n\r\n",
    "DESCRIBE": f"{OK}Content-Base: rtsp://[::1]:7/x?y=1/\r\nContent-Type: application/sdp\r\n{LENGTH}{DESCRIPTION}",
    "SETUP": f"{OK}Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 7;timeout=60\r\n\r\n",
    "PLAY": f"{OK}Session: 7\r\n\r\n",
    "moved": "RTSP/1.0 302 Found\r\nCSeq: {n}\r\nLocation: rtsp://127.0.0.1:{port}/elsewhere\r\n\r\n",
    "challenge": f"RTSP/1.0 401 Unauthorized\r\nCSeq: {{n}}\r\n{DIGEST}\r\n\r\n",
}
PATIENCE_S = 0.05  # after which this camera hangs up on a client that waits for more than it sends


def mangled(text: str, chance: random.Random) -> bytes:
    data = bytearray(text.encode())
    for _ in range(chance.choice((0, 1, 1, 3))):
        at = chance.randrange(len(data))
        data[at : at + chance.choice((0, 1, 9))] = chance.choice(
            (b"", b"\0", b"9" * 5000, b"[", b"%", b"\r\n", b'"', b"-1")
        )
    return bytes(data)


def serve(listener: socket.socket, chance: random.Random) -> None:
    """Answer each request with what it may be answered with, mostly mangled, and hang up at the end."""
    port = listener.getsockname()[1]
    while True:
        try:
            client = listener.accept()[0]
        except OSError:
            return
        with client, contextlib.suppress(OSError, LookupError):  # a request may have come in pieces
            client.settimeout(PATIENCE_S)
            while request := client.recv(1 << 16):
                method, _, rest = request.decode().partition(" ")
                number = rest.split("CSeq: ")[1].split("\r")[0]
                answer = ANSWERS[chance.choice((method, method, method, "moved", "challenge"))]
                client.sendall(mangled(answer.replace("{n}", number).replace("{port}", str(port)), chance))


def test_whatever_it_answers_is_an_error_of_ours() -> None:
    """Answers that are mangled in any place end in a session, in an error that says what is wrong, or with FFmpeg."""
    chance = random.Random(5)
    ends: set[str] = set()
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, chance), daemon=True)
        thread.start()
        for _ in range(200):
            try:
                RtspCamera.open(f"rtsp://me:secret@127.0.0.1:{listener.getsockname()[1]}/live", rhythm=Rhythm()).close()
                ends.add("opened")
            except (CameraError, UnsupportedStream) as exc:
                said.append(str(exc))
                ends.add(type(exc).__name__)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()

    assert "secret" not in " ".join(said)
    assert {"opened", "CameraLost", "CameraRefused", "UnsupportedStream"} <= ends


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("127.0.0.1:{free}", "connection refused"),
        ("127.0.0.1:99999", "an invalid port"),
        ("no.such.host.invalid", "its host name is unknown"),
    ],
)
def test_where_there_is_no_camera(place: str, reason: str) -> None:
    """The reason is told in words of ours."""
    with pytest.raises(CameraLost, match=reason):
        RtspCamera.open(f"rtsp://{place.format(free=free_port())}/live", rhythm=Rhythm())

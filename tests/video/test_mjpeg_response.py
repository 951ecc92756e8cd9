import time
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image

from shared.clock import now_us
from tests.video.stage import Stage, Stream, entry, jpeg
from tests.waiting import wait_until
from video.picture import scaled

FRONT = "/cameras/front/stream"


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_stream_is_written_byte_by_byte_as_promised(stage: Stage) -> None:
    """A boundary comes first, then parts, each ended by the next boundary at once; nothing is chunked."""
    captured_at = int(time.time() * 1e6) - 250_000
    stage.show("front", 7, captured_at=captured_at)
    stage.knows("front")

    with Stream(stage.port, FRONT) as viewer:
        viewer.start()
        head = [viewer.file.readline() for _ in range(6)]
        rest = viewer.file.read(len(jpeg()) + len(viewer.boundary) + 6)

    assert rest == jpeg() + f"\r\n--{viewer.boundary}\r\n".encode()
    assert head[5] == b"\r\n"
    assert all(line.endswith(b"\r\n") for line in head)
    values = dict(line.decode().strip().split(": ") for line in head[:5])
    assert list(values) == ["Content-Type", "Content-Length", "X-Timestamp", "X-Sequence", "X-Age"]
    assert values["Content-Type"] == "image/jpeg"
    assert values["Content-Length"] == str(len(jpeg()))
    assert values["X-Timestamp"] == f"{captured_at // 10**6}.{captured_at % 10**6:06d}"
    assert values["X-Sequence"] == "7"
    assert 250 <= int(values["X-Age"]) < 10_000


def test_the_head_of_a_stream_forbids_to_keep_or_buffer_it(stage: Stage) -> None:
    """Proxies and browsers pass it on at once; the end of the connection is the end of the stream."""
    stage.show("front", 1)
    stage.knows("front")

    with Stream(stage.port, FRONT) as viewer:
        headers = viewer.start().headers

    assert viewer.status == "HTTP/1.1 200 OK"
    assert headers["content-type"] == f"multipart/x-mixed-replace;boundary={viewer.boundary}"
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"
    assert headers["connection"] == "close"
    assert "transfer-encoding" not in headers
    assert "content-length" not in headers


def test_frames_arrive_in_order_without_duplicates(stage: Stage) -> None:
    """A viewer that keeps up sees every frame once."""
    stage.show("front", 1)
    stage.knows("front")
    with Stream(stage.port, FRONT) as viewer:
        viewer.start()
        seen = [viewer.sequence()]

        for number in range(2, 12):
            time.sleep(0.02)
            stage.show("front", number)
            seen.append(viewer.sequence())

    assert seen == list(range(1, 12))


def test_the_last_frame_is_repeated_after_a_second_of_silence(stage: Stage) -> None:
    """A browser that holds a picture back shows it then; a repeated frame is not counted as sent."""
    stage.show("front", 1)
    stage.knows("front")
    with Stream(stage.port, FRONT) as viewer:
        viewer.start()
        first, second = viewer.part(), viewer.part()

    assert second[1] == first[1]
    assert second[0]["X-Sequence"] == first[0]["X-Sequence"]
    assert int(second[0]["X-Age"]) >= 990, "not before a second of silence"
    assert stage.metric("video_viewer_frames_sent_total", camera="front") == 1


def test_a_slow_viewer_gets_the_newest_frame_and_holds_up_nobody(stage: Stage) -> None:
    """A viewer that reads nothing for a while then sees the newest frame, not those it missed."""
    big = jpeg(640, 480, noise=90)
    stage.show("front", 1, big)
    stage.knows("front")
    with Stream(stage.port, FRONT, window=4096) as slow, Stream(stage.port, FRONT) as quick:
        slow.start(), quick.start()
        slow.sequence(), quick.sequence()
        for number in range(2, 62):
            stage.show("front", number, big)
            assert quick.sequence() == number

        seen = [slow.sequence()]
        while seen[-1] != 61:
            seen.append(slow.sequence())

    assert seen == sorted(set(seen))
    assert len(seen) < 30, f"a queue was kept for it: {seen}"
    sent = stage.metric("video_viewer_frames_sent_total", camera="front")
    assert stage.metric("video_viewer_frames_skipped_total", camera="front") == 2 * 61 - sent > 20


def test_a_viewer_that_takes_nothing_is_let_go(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its socket and its picture are freed."""
    monkeypatch.setattr("video.viewer_connection.STALLED_AFTER_S", 0.5)
    big = jpeg(1280, 720, noise=90)
    stage.show("front", 1, big)
    stage.knows("front")

    with Stream(stage.port, FRONT, window=4096):
        wait_until(lambda: stage.metric("video_viewers", camera="front") == 1)
        number = 1
        while stage.metric("video_viewers", camera="front") and number < 500:
            number += 1
            stage.show("front", number, big)
            time.sleep(0.02)

    assert stage.metric("video_viewers", camera="front") == 0


def test_viewers_that_come_and_go_leave_nothing_behind(stage: Stage) -> None:
    """No socket, place or task stays open, whether they close, vanish in the middle or never read."""
    stage.show("front", 1, jpeg(640, 480, noise=90))
    stage.knows("front")
    before = open_files()

    for _ in range(5):
        viewers = [Stream(stage.port, path) for path in (FRONT, f"{FRONT}?width=80", "/", FRONT)]
        viewers[0].start().part()
        for viewer in viewers:
            viewer.close()
    number = 1
    while stage.metric("video_viewers", camera="front"):
        number += 1
        stage.show("front", number)
        time.sleep(0.02)
        assert number < 500

    wait_until(lambda: open_files() <= before)


def test_one_viewer_too_many_is_told_to_come_back() -> None:
    """The answer is 503 with Retry-After; a place that was left is given away again."""
    with Stage(max_viewers=2) as stage:
        stage.show("front", 1)
        stage.knows("front")
        with Stream(stage.port, FRONT) as one, Stream(stage.port, "/") as two:
            one.start(), two.start()

            refused = stage.get(FRONT)

            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) > 0
            assert "MAXVIEWERS" in refused.json()["error"]
            assert stage.get("/cameras").status_code == 200

        def admitted() -> bool:
            with Stream(stage.port, FRONT) as viewer:
                return " 200 " in viewer.line()

        wait_until(admitted)


def test_a_viewer_gets_no_more_frames_than_it_asks_for(stage: Stage) -> None:
    """`?fps=` thins the stream, and what it leaves out was not missed."""
    stage.show("front", 1)
    stage.knows("front")
    with Stream(stage.port, f"{FRONT}?fps=5") as viewer:
        viewer.start().part()
        began = time.monotonic()
        for number in range(2, 52):
            stage.show("front", number)
            time.sleep(0.02)
        lasted = time.monotonic() - began
        wait_until(lambda: viewer.sequence() == 51)

    assert stage.metric("video_viewer_frames_sent_total", camera="front") <= 3 + 5 * lasted
    assert stage.metric("video_viewer_frames_skipped_total", camera="front") == 0


def test_the_width_is_the_nearest_of_four(stage: Stage) -> None:
    """Scaled pictures come as parts of their own length."""
    stage.show("front", 1, jpeg(640, 480))
    stage.knows("front")

    for asked, expected in ((100, (80, 60)), (170, (160, 120)), (5000, (640, 480))):
        with Stream(stage.port, f"{FRONT}?width={asked}") as viewer:
            _, picture = viewer.start().part()
        assert Image.open(BytesIO(picture)).size == expected


def test_a_picture_is_scaled_once_for_all_who_want_that_size(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not scaled once per viewer."""
    made: list[int] = []

    def counted(jpeg: bytes, scale: int) -> bytes:
        made.append(scale)
        return scaled(jpeg, scale)

    monkeypatch.setattr("video.cameras.scaled", counted)
    stage.show("front", 1, jpeg(640, 480))
    stage.knows("front")
    viewers = [Stream(stage.port, f"{FRONT}?width=160").start() for _ in range(4)]
    for viewer in viewers:
        while viewer.sequence() != 1:
            pass
    made.clear()

    stage.show("front", 2, jpeg(640, 480, "red"))
    pictures = set()
    for viewer in viewers:
        headers, picture = viewer.part()
        while headers["X-Sequence"] != "2":
            headers, picture = viewer.part()
        pictures.add(picture)
        viewer.close()

    assert len(pictures) == 1
    assert made.count(4) <= 2  # a repetition may have come in between


@pytest.mark.parametrize("query", ["fps=0", "fps=-1", "fps=fast", "fps=inf", "width=0", "width=wide", "fps=nan"])
def test_a_wrong_wish_is_refused_with_its_name(stage: Stage, query: str) -> None:
    """The answer is 422 and says which parameter was wrong."""
    stage.show("front", 1)
    stage.knows("front")

    refused = stage.get(f"{FRONT}?{query}")

    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["query", query.split("=")[0]]


def test_an_old_client_gets_a_stream_that_the_end_of_the_connection_ends(stage: Stage) -> None:
    """HTTP/1.0 has no chunks."""
    stage.show("front", 1)
    stage.knows("front")

    with Stream(stage.port, FRONT, http="1.0") as viewer:
        viewer.start()
        assert viewer.sequence() == 1

    assert "transfer-encoding" not in viewer.headers
    assert viewer.headers["connection"] == "close"


def test_the_first_camera_is_shown_to_whoever_does_not_ask_for_html(stage: Stage) -> None:
    """It is the one with the smallest id; browsers get the page, and caches learn what the answer depends on."""
    for camera in ("yard", "attic"):
        stage.show(camera, 40 if camera == "attic" else 50)
        stage.knows(camera)

    for accept in ("*/*", "image/avif,image/webp,*/*;q=0.8", "multipart/x-mixed-replace"):
        with Stream(stage.port, "/", accept=accept) as viewer:
            assert viewer.start().sequence() == 40
            assert viewer.headers["vary"] == "Accept"


def test_without_a_camera_a_picture_says_so_until_there_is_one(stage: Stage) -> None:
    """The stream begins at once and changes to the camera by itself."""
    with Stream(stage.port, "/") as viewer:
        headers, picture = viewer.start().part()
        assert headers["X-Sequence"] == "0"
        assert "X-Timestamp" not in headers
        assert Image.open(BytesIO(picture)).size == (640, 360)
        viewer.part()

        shown = stage.show("front", 9)

        wait_until(lambda: viewer.part()[1] == shown.jpeg)


def test_every_path_answers_head_at_once(stage: Stage) -> None:
    """The answer is 200 without a body, also where GET never ends."""
    stage.show("front", 1)
    stage.knows("front")

    for path in ("/", FRONT, "/cameras/front/snapshot.jpg", "/cameras", "/healthz"):
        answer = httpx.head(stage.url + path, timeout=10)
        assert (answer.status_code, answer.content) == (200, b""), path
    assert httpx.head(stage.url + "/", timeout=10).headers["content-type"].startswith("multipart/x-mixed-replace")
    page = httpx.head(stage.url + "/", headers={"Accept": "text/html"}, timeout=10)
    assert page.headers["content-type"].startswith("text/html")


def test_an_age_that_cannot_be_told_is_unknown(stage: Stage) -> None:
    """Clocks that disagree give no number."""
    stage.show("front", 1, suspect=True)
    stage.knows("front")

    with Stream(stage.port, FRONT) as viewer:
        assert viewer.start().part()[0]["X-Age"] == "unknown"
    assert stage.get("/cameras/front/snapshot.jpg").headers["x-age"] == "unknown"
    assert stage.get("/cameras").json()[0]["age_ms"] is None


def test_a_stream_stays_open_through_a_fault_and_goes_on_by_itself(stage: Stage) -> None:
    """After three seconds the picture says what is wrong, and since when; the next frame replaces it."""
    down = {"front": {"state": "down", "since": now_us(), "reason": "connection refused"}}
    stage.heard = lambda: [entry("producer", cameras=down)]
    shown = stage.show("front", 1, jpeg(640, 360, "white"))
    stage.knows("front")
    with Stream(stage.port, FRONT) as viewer:
        viewer.start()
        pictures = {viewer.part()[1]}
        assert pictures == {shown.jpeg}
        wait_until(lambda: stage.get("/cameras").json()[0]["notice"] == "CAMERA DOWN")

        while len(pictures) < 3:
            headers, picture = viewer.part()
            pictures.add(picture)
        notice = Image.open(BytesIO(picture)).convert("L")
        darkened = notice.getpixel((20, 20))
        assert isinstance(darkened, int)
        assert darkened < 130, "the frame behind the notice is darkened"
        assert headers["X-Sequence"] == "1"
        assert int(headers["X-Age"]) >= 3000
        front = stage.get("/cameras").json()[0]
        assert (front["state"], front["reason"]) == ("down", "connection refused")
        assert stage.readiness.readiness(serving=True, broker="ok").as_json()["status"] == "degraded"

        again = stage.show("front", 2, jpeg(640, 360, "red"))

        wait_until(lambda: viewer.part()[1] == again.jpeg)
    wait_until(lambda: stage.get("/cameras").json()[0]["state"] == "up")


def test_the_end_closes_every_stream(stage: Stage) -> None:
    """All connections end, whether their viewers watch, wait for a camera or read nothing, and so does the server."""
    big = jpeg(1280, 720, noise=90)
    stage.show("front", 1, big)
    stage.knows("front")
    viewers = [Stream(stage.port, path) for path in (FRONT, "/", f"{FRONT}?width=320", f"{FRONT}?fps=1")]
    idle = Stream(stage.port, FRONT, window=4096)
    for viewer in viewers:
        viewer.start().part()

    began = time.monotonic()
    stage.end()

    assert time.monotonic() - began < 2.5
    for viewer in viewers:
        while viewer.file.read(1 << 16):
            pass
        viewer.close()
    idle.close()
    assert stage.metric("video_viewers", camera="front") == 0

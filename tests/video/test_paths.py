"""What all paths have in common, and the addresses that other programs expect."""

from io import BytesIO

import httpx
import pytest
from PIL import Image

from tests.video.stage import Stage, Stream, jpeg

PATHS = (
    "/",
    "/cameras",
    "/cameras/front/stream",
    "/cameras/front/snapshot.jpg",
    "/cameras/front/predictions",
    "/healthz",
    "/docs",
    "/openapi.json",
)


@pytest.fixture
def showing(stage: Stage) -> Stage:
    for seq, camera in enumerate(("front", "yard"), 1):
        stage.show(camera, seq, jpeg(64 * seq, 48 * seq))
        stage.knows(camera)
    return stage


@pytest.mark.parametrize("path", PATHS)
def test_every_path_says_which_methods_it_has(showing: Stage, path: str) -> None:
    """OPTIONS and 405 name them, HEAD is GET without a body."""
    options = httpx.options(showing.url + path, timeout=30)
    head = httpx.head(showing.url + path, timeout=30)
    wrong = httpx.post(showing.url + path, timeout=30)

    assert (options.status_code, options.content, options.headers["allow"]) == (204, b"", "GET, HEAD, OPTIONS")
    assert (head.status_code, head.content) == (200, b"")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert "error" in wrong.json()


@pytest.mark.parametrize("path", [path for path in PATHS if path not in {"/", "/cameras/front/stream"}])
def test_a_slash_too_many_leads_to_the_path_without_it(showing: Stage, path: str) -> None:
    """The address is relative: a proxy may serve everything below any path, under any name."""
    answer = showing.get(f"{path}/?a=b")

    assert answer.status_code == 307
    location = answer.headers["location"]
    assert location.startswith("../")
    assert httpx.URL(f"https://proxy.example/below/a/path{path}/").join(location) == (
        f"https://proxy.example/below/a/path{path}?a=b"
    )
    assert httpx.get(f"{showing.url}{path}/", follow_redirects=True, timeout=30).status_code == 200


@pytest.mark.parametrize(
    "path", ["/nowhere", "/cameras/front", "//evil.example", "/cameras//", "/cameras/nobody/stream"]
)
def test_an_unknown_path_is_not_found(showing: Stage, path: str) -> None:
    """The answer is JSON."""
    answer = showing.get(path)

    assert answer.status_code == 404
    assert "error" in answer.json()


def test_no_redirection_leads_to_another_host(showing: Stage) -> None:
    """A path may look like an address."""
    answer = httpx.get(f"{showing.url}//evil.example/", timeout=30)

    assert answer.headers["location"] == "../evil.example"


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_the_addresses_of_mjpg_streamer_show_the_first_camera_or_a_named_one(showing: Stage, accept: str) -> None:
    """It does not matter what the client accepts: it knows no other addresses."""
    for query, size in (("", (64, 48)), ("&camera=yard", (128, 96))):
        snapshot = showing.get(f"/?action=snapshot{query}", Accept=accept)
        assert snapshot.headers["content-type"] == "image/jpeg"
        assert Image.open(BytesIO(snapshot.content)).size == size
        with Stream(showing.port, f"/?action=stream{query}", accept=accept) as viewer:
            assert Image.open(BytesIO(viewer.start().part()[1])).size == size
    assert showing.get("/?action=snapshot&camera=nobody").status_code == 404
    assert showing.get("/?action=command").status_code == 422


def test_a_snapshot_before_the_first_camera_is_told_to_wait(stage: Stage) -> None:
    """The answer is 503 with Retry-After."""
    answer = stage.get("/?action=snapshot")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


def test_text_of_others_that_is_no_unicode_is_answered_all_the_same(stage: Stage) -> None:
    """JSON can hold half a character."""
    stage.show("front", 1, predictions=b'[{"model": "m", "label": "\\ud800"}]')
    stage.knows("front")

    assert stage.get("/cameras/front/predictions").json()["predictions"][0]["label"] == "\ud800"

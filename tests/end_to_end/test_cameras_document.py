"""A camera that is added to CAMERASFILE, as somebody sees it who has the page open."""

import json
from pathlib import Path

from tests.end_to_end.chain import Chain, embedded_broker
from tests.end_to_end.model_server import NUMBERS, ModelServer
from tests.end_to_end.numbered import write_video
from tests.suite import LOOPBACK, get
from tests.waiting import wait_until


def test_an_added_camera_appears_with_its_title(tmp_path: Path) -> None:
    """Its picture, its title and its tags; and when it is disabled, its state."""
    film, document = write_video(tmp_path / "numbers.mkv", 50), tmp_path / "cameras.json"
    front: dict[str, object] = {"source": str(film)}
    new = {"source": str(film), "title": "Front door", "tags": ["outside"]}
    document.write_text(json.dumps({"cameras": {"front": front}}))
    with (
        ModelServer() as models,
        embedded_broker() as (_, bus),
        Chain(bus, MODELURLS=json.dumps({f"imagenet_{NUMBERS}": models.url()})) as chain,
    ):
        chain.produce(CAMERASFILE=str(document))
        wait_until(lambda: _has_picture(chain, "front"), "the first camera is shown")

        document.write_text(json.dumps({"cameras": {"front": front, "new": new}}))
        wait_until(lambda: _has_picture(chain, "new"), "the new camera is shown")
        shown = {camera["id"]: camera for camera in chain.ask("/cameras")}
        assert (shown["new"]["title"], shown["new"]["tags"]) == ("Front door", ["outside"])
        assert (shown["front"]["title"], shown["front"]["tags"]) == (None, [])

        document.write_text(json.dumps({"cameras": {"front": front, "new": new | {"enabled": False}}}))
        wait_until(lambda: _states(chain) == {"front": "up", "new": "disabled"}, "it is disabled")


def _has_picture(chain: Chain, camera: str) -> bool:
    return get(f"http://{LOOPBACK}:{chain.port}/cameras/{camera}/snapshot.jpg")[0] == 200


def _states(chain: Chain) -> dict[str, str]:
    return {camera["id"]: camera["state"] for camera in chain.ask("/cameras")}

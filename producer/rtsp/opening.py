"""Opens sessions: follows redirections, and reconnects if a camera closes the connection on a harmless request."""

import time
from collections.abc import Callable
from typing import TypeVar

from producer.faults import OPEN_TIMEOUT_S
from producer.rtsp.addresses import redirected
from producer.rtsp.authentication import Credentials
from producer.rtsp.request_channel import HungUp
from producer.rtsp.sdp import Description
from producer.rtsp.session import Redirected, Session
from producer.source import without_credentials
from shared.errors import CameraLost

MOST_REDIRECTS = 5

Opened = TypeVar("Opened")


def opened(link: str, begin: Callable[[Session, Description], Opened], *, ca: str = "") -> Opened:
    """Open a session with the camera of a link, and return the result of `begin`.

    Args:
        link: of the camera, with credentials if it wants any.
        begin: called with the session, and with what the camera says it sends; again after a redirection.
        ca: what its certificate is verified against, as for `tls.context`.

    Raises:
        UnsupportedStream: FFmpeg may succeed where this reader does not.
        CameraError: there is no session.
    """
    deadline_s = time.monotonic() + OPEN_TIMEOUT_S
    place, user, password = without_credentials(link)
    credentials = Credentials(user, password) if user or password else None
    redirects, asks_options = 0, True
    while redirects <= MOST_REDIRECTS:
        session = Session(place, credentials, deadline_s, ca=ca)
        try:
            return begin(session, session.describe(asks_options=asks_options))
        except Redirected as exc:
            location = exc.location if exc.location.startswith("/") else without_credentials(exc.location)[0]
            target = redirected(place, location, session.peer)
            session.close()
            if target is None:
                raise CameraLost("it redirects to another host, or to something that is not a camera") from None
            place, redirects = target, redirects + 1
        except HungUp:
            session.close()
            if not asks_options:
                raise
            asks_options = False  # some cameras hang up after OPTIONS, or instead of an answer
        except BaseException:
            session.close()
            raise
    raise CameraLost(f"more than {MOST_REDIRECTS} redirections")

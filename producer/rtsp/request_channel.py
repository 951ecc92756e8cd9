"""Requests to an RTSP camera and its answers (RFC 2326, sections 6 and 7), with credentials if it requires them."""

import logging
import time
from collections.abc import Callable, Mapping

from producer.faults import connection_error, refusal
from producer.rtsp.authentication import Challenge, Credentials, strongest
from producer.rtsp.connection import Connection, Packet, Unrecognised
from producer.rtsp.messages import Request, Response, encoded
from shared.errors import CameraLost

log = logging.getLogger(__name__)

MOST_TRIES = 3
LATE_S = 0.5  # how long an answer that seems to belong to an earlier request waits for a better one
UNAUTHORIZED = 401
USER_AGENT = "machine-learning-deployment"  # some cameras do not answer requests without a User-Agent (go2rtc 235)

_NO_HEADERS: Mapping[str, str] = {}
_PROVISIONAL = range(100, 200)
_ANSWERED = frozenset({"OPTIONS", "GET_PARAMETER", "SET_PARAMETER", "ANNOUNCE", "PING"})


class HungUp(CameraLost):
    """The camera closed the connection instead of answering."""


class NotRtsp(CameraLost):
    """The camera's response is not RTSP."""


class RequestChannel:
    """Sends requests and answers over one connection.

    Attributes:
        session: the camera's name of the session; empty until it has named it, in whatever answer.
        session_parameters: what the camera says of the session behind its name.
    """

    def __init__(self, connection: Connection, credentials: Credentials | None) -> None:
        self.session = self.session_parameters = ""
        self._connection, self._credentials = connection, credentials
        self._challenge: Challenge | None = None
        self._number = 0
        self._unanswered: set[int] = set()
        self._repeats_numbers = False  # the camera gives its answers the numbers of the requests
        self._speaks_rtsp = False

    def ask(
        self,
        method: str,
        uri: str,
        *,
        until_s: float,
        headers: Mapping[str, str] = _NO_HEADERS,
        on_packet: Callable[[Packet], None],
    ) -> Response:
        """Return the answer to a request; repeat the request with credentials if the camera requires them.

        Args:
            method: of the request.
            uri: of the request.
            until_s: when the answer has to be there, monotonic seconds.
            headers: further ones of the request.
            on_packet: called with packets that come before the answer.

        Raises:
            CameraError: there is no answer, or the credentials are refused.
            TimeoutError: there is no answer in time.
        """
        answered = False
        for _ in range(MOST_TRIES):
            answer = self._ask_once(method, uri, until_s, headers, on_packet)
            if answer.status != UNAUTHORIZED:
                return answer
            challenge = _challenge(answer)
            # One attempt, because cameras lock out clients that retry; unless only the nonce had expired.
            if self._credentials is None or challenge is None or (answered and not challenge.stale):
                break
            self._challenge, answered = challenge, True
        raise refusal(UNAUTHORIZED)

    def send(self, method: str, uri: str, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        """Send a request without waiting for its answer.

        Raises:
            OSError: the connection is lost.
        """
        self._number += 1
        lines = {"CSeq": str(self._number), "User-Agent": USER_AGENT, **headers}
        if self.session:
            lines["Session"] = self.session
        if self._challenge and self._credentials:
            lines["Authorization"] = self._challenge.authorization(self._credentials, method, uri)
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._connection.send(encoded(f"{method} {uri} RTSP/1.0\r\n{head}\r\n"))

    def refresh(self, answer: Response) -> None:
        """Use the challenge of a request that was refused for the next one: the nonce was too old."""
        self._challenge = _challenge(answer)

    def reply(self, request: Request) -> None:
        """Answer a request of the camera.

        Raises:
            OSError: the connection is lost.
        """
        status = "200 OK" if request.method in _ANSWERED else "501 Not Implemented"
        number = "".join(request.headers.get("cseq", [])[:1])
        session = f"Session: {self.session}\r\n" if self.session else ""
        self._connection.send(encoded(f"RTSP/1.0 {status}\r\nCSeq: {number}\r\n{session}\r\n"))

    def _ask_once(
        self,
        method: str,
        uri: str,
        until_s: float,
        headers: Mapping[str, str],
        on_packet: Callable[[Packet], None],
    ) -> Response:
        try:
            self.send(method, uri, headers)
            answer = self._answer(until_s, on_packet, description=method == "DESCRIBE")
        except TimeoutError:
            self._unanswered.add(self._number)
            raise
        except EOFError:
            raise HungUp("the camera hung up") from None
        except (BrokenPipeError, ConnectionResetError):
            raise HungUp("the camera hung up") from None
        except OSError as exc:
            raise connection_error(exc, opening=True) from None
        self._speaks_rtsp = True
        self._note_session(answer)
        return answer

    def _answer(self, until_s: float, on_packet: Callable[[Packet], None], *, description: bool) -> Response:
        """Return the next answer; those with the number of an earlier request only if no other one comes."""
        late: Response | None = None
        deadline_s = until_s
        while True:
            try:
                received = self._connection.receive(deadline_s, description=description)
            except (TimeoutError, EOFError):
                if late is None:
                    raise
                log.info("the camera's responses carry the numbers (CSeq) of other requests")
                self._repeats_numbers = False
                self._unanswered.clear()
                return late
            match received:
                case Response() if received.status in _PROVISIONAL:
                    continue
                case Response():
                    number = _number(received)
                    if not self._is_late(number):
                        self._repeats_numbers = self._repeats_numbers or number == self._number
                        return received
                    late, deadline_s = received, min(until_s, time.monotonic() + LATE_S)
                case Request():
                    self._speaks_rtsp = True
                    self.reply(received)
                case Packet():
                    on_packet(received)
                case Unrecognised() if not (self._speaks_rtsp or self._connection.expects):
                    raise NotRtsp("its response is not RTSP")

    def _is_late(self, number: int | None) -> bool:
        """Return whether an answer is probably that to an earlier request. Many cameras do not count right."""
        if number is None or number >= self._number:
            return False
        return number in self._unanswered or self._repeats_numbers

    def _note_session(self, answer: Response) -> None:
        name, _, parameters = answer.first("session").partition(";")
        if name.strip():
            self.session = name.strip()
        if parameters:  # many answers have the name only
            self.session_parameters = parameters


def _challenge(answer: Response) -> Challenge | None:
    return strongest(answer.headers.get("www-authenticate", []))


def _number(answer: Response) -> int | None:
    text = answer.first("cseq").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None

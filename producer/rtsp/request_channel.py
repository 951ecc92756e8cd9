"""Requests to an RTSP camera and its answers (RFC 2326, sections 6 and 7), with credentials where it wants them."""

from collections.abc import Callable, Mapping

from producer.faults import connection_error, refusal
from producer.rtsp.authentication import Challenge, Credentials, best
from producer.rtsp.connection import Connection, Packet, Request, Response, Unrecognised
from shared.errors import CameraLost

MOST_TRIES = 3
UNAUTHORIZED = 401
USER_AGENT = "machine-learning-deployment"  # some cameras answer nobody without a name

_NO_HEADERS: Mapping[str, str] = {}
_ANSWERED = frozenset({"OPTIONS", "GET_PARAMETER", "SET_PARAMETER"})


class RequestChannel:
    """Asks and answers over one connection.

    Attributes:
        session: the camera's name of the session; empty: there is none yet.
    """

    def __init__(self, connection: Connection, credentials: Credentials | None) -> None:
        self.session = ""
        self._connection, self._credentials = connection, credentials
        self._challenge: Challenge | None = None
        self._number = 0

    def ask(
        self,
        method: str,
        uri: str,
        *,
        until_s: float,
        headers: Mapping[str, str] = _NO_HEADERS,
        keep: Callable[[Packet], None],
    ) -> Response:
        """Return the answer to a request; asked again with credentials if the camera wants them.

        Args:
            method: of the request.
            uri: of the request.
            until_s: when the answer has to be there, monotonic seconds.
            headers: further ones of the request.
            keep: called with packets that come before the answer.

        Raises:
            CameraError: there is none, or the credentials are refused.
        """
        answered = False
        for _ in range(MOST_TRIES):
            answer = self._asked(method, uri, until_s, headers, keep)
            if answer.status != UNAUTHORIZED:
                return answer
            challenge = _challenge(answer)
            # One try, for cameras lock out who tries again; unless only the nonce was too old.
            if self._credentials is None or challenge is None or (answered and not challenge.stale):
                break
            self._challenge, answered = challenge, True
        raise refusal(UNAUTHORIZED)

    def send(self, method: str, uri: str, headers: Mapping[str, str] = _NO_HEADERS) -> None:
        """Send a request without waiting for its answer.

        Raises:
            OSError: the connection is gone.
        """
        self._number += 1
        lines = {"CSeq": str(self._number), "User-Agent": USER_AGENT, **headers}
        if self.session:
            lines["Session"] = self.session
        if self._challenge and self._credentials:
            lines["Authorization"] = self._challenge.answer(self._credentials, method, uri)
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._connection.send(f"{method} {uri} RTSP/1.0\r\n{head}\r\n".encode())

    def refresh(self, answer: Response) -> None:
        """Take the challenge of a request that was refused for the next one: the nonce was too old."""
        self._challenge = _challenge(answer)

    def reply(self, request: Request) -> None:
        """Answer what the camera asks.

        Raises:
            OSError: the connection is gone.
        """
        status = "200 OK" if request.method in _ANSWERED else "501 Not Implemented"
        number = "".join(request.headers.get("cseq", [])[:1])
        self._connection.send(f"RTSP/1.0 {status}\r\nCSeq: {number}\r\n\r\n".encode())

    def _asked(
        self, method: str, uri: str, until_s: float, headers: Mapping[str, str], keep: Callable[[Packet], None]
    ) -> Response:
        try:
            self.send(method, uri, headers)
            while True:
                match received := self._connection.receive(until_s):
                    case Response() if received.first("cseq") in ("", str(self._number)):
                        return received
                    case Request():
                        self.reply(received)
                    case Packet():
                        keep(received)
                    case Unrecognised() if not self._connection.expects:
                        raise CameraLost("what it answers is no RTSP")
        except EOFError:
            raise CameraLost("the camera hung up") from None
        except OSError as exc:
            raise connection_error(exc, opening=True) from None


def _challenge(answer: Response) -> Challenge | None:
    return best(answer.headers.get("www-authenticate", []))

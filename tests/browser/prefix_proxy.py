"""A reverse proxy that serves another server below a path, as nginx does with `location /live/ { proxy_pass …/; }`."""

from tests.browser.forwarder import Forwarder


class PrefixProxy(Forwarder):
    """Takes a prefix, such as `/live/`, off each request's path."""

    def __init__(self, port: int, prefix: str) -> None:
        """Listen on a free port, for a server on another one of this machine."""
        super().__init__(port, prefix)
        self.requests: list[str] = []
        """The paths asked for, prefix included."""
        self._prefix = b"GET " + prefix.encode()

    def request(self, data: bytes) -> bytes:
        """Take off the prefix."""
        if data.startswith(b"GET "):
            self.requests.append(data.split(b" ", 2)[1].decode())
        return data.replace(self._prefix, b"GET /", 1) if data.startswith(self._prefix) else data

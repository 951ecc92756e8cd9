"""The event loop of the web server."""

from typing import Any

import uvloop

HANDSHAKE_TIMEOUT_S = 10.0  # of TLS; by default it is a minute


class EventLoop(uvloop.Loop):
    """uvloop's, with less patience for clients that do not finish TLS's handshake. uvicorn does not pass one on."""

    async def create_server(self, *arguments: Any, **options: Any) -> Any:
        """Return a listening server."""
        if options.get("ssl") is not None:
            options.setdefault("ssl_handshake_timeout", HANDSHAKE_TIMEOUT_S)
        return await super().create_server(*arguments, **options)

"""Asks an identity provider over HTTP: bounded in time and size, without redirections, never blocking the loop."""

import asyncio
import json
import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from shared.redact import redact

Json: TypeAlias = dict[str, Any]

logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every request
TIMEOUT_S = 5.0  # for the whole answer
MAX_BYTES = 256 * 1024


class FetchFailed(Exception):
    """The provider gave no answer that can be used; the text says why and holds no credentials.

    Attributes:
        status: of its answer, if it is one that refuses.
    """

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class Fetcher:
    """Fetches JSON objects of one provider."""

    def __init__(self, ca: Path | None = None) -> None:
        """Prepare.

        Args:
            ca: file of certificates to trust beside the system's.
        """
        self._ca = ca
        self._tls: ssl.SSLContext | None = None

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Json:
        """Return the JSON object at an address.

        Raises:
            FetchFailed: it cannot be had.
        """
        return await self._ask("GET", url, headers=headers)

    async def post(self, url: str, form: Mapping[str, str], *, auth: tuple[str, str] | None = None) -> Json:
        """Return the JSON object that answers a form.

        Raises:
            FetchFailed: it cannot be had.
        """
        return await self._ask("POST", url, data=form, auth=auth)

    async def _ask(self, method: str, url: str, **request: Any) -> Json:
        where = redact(url)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                if self._tls is None:
                    self._tls = await asyncio.to_thread(_tls_context, self._ca)  # reads all certificates: slow
                async with (
                    httpx.AsyncClient(verify=self._tls, follow_redirects=False, timeout=TIMEOUT_S) as client,
                    client.stream(method, url, **request) as answer,
                ):
                    data = b""
                    async for piece in answer.aiter_bytes():
                        data += piece
                        if len(data) > MAX_BYTES:
                            raise FetchFailed(f"{where}: the answer is larger than {MAX_BYTES} bytes")
        except TimeoutError as exc:
            raise FetchFailed(f"{where}: no answer within {TIMEOUT_S:g} s") from exc
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ssl.SSLError) as exc:
            raise FetchFailed(f"{where}: {redact(str(exc)) or type(exc).__name__}") from exc
        if answer.status_code != httpx.codes.OK:
            raise FetchFailed(f"{where}: status {answer.status_code}", answer.status_code)
        return _object(data, where)


def _object(data: bytes, where: str) -> Json:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise FetchFailed(f"{where}: the answer is not JSON") from exc
    if not isinstance(value, dict):
        raise FetchFailed(f"{where}: the answer is not a JSON object")
    return value


def _tls_context(ca: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca is not None:
        context.load_verify_locations(ca)
    return context

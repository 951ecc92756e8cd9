"""The certificate of HTTPS (TLSCERT, TLSKEY), read again when its files change."""

import logging
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from prometheus_client import Gauge

from shared.errors import SettingsError

log = logging.getLogger(__name__)

POLL_S = 0.5


class Certificate:
    """A certificate that new connections get; those that are open keep theirs."""

    def __init__(self, cert: Path, key: Path, valid: Gauge) -> None:
        """Read the certificate.

        Args:
            cert: PEM file of the certificate and those that lead to its issuer.
            key: PEM file of its private key.
            valid: the metric of documents.

        Raises:
            SettingsError: they cannot be read, or do not belong together.
        """
        self._cert, self._key = cert, key
        self._valid = valid.labels(str(cert))
        self._seen = self._states()
        try:
            self._newest = self._read()
        except (OSError, ssl.SSLError) as exc:
            raise SettingsError([f"TLSCERT, TLSKEY: {cert}, {key}: {_words(exc)}"]) from exc
        self._valid.set(1)
        # uvicorn keeps this one; each connection takes over the newest at its beginning.
        self.context = self._read()
        self.context.sni_callback = self._take_newest

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Watch the files until `stop`."""
        while not stop.wait(POLL_S):
            beat()
            states = self._states()
            if states == self._seen:
                continue
            self._seen = states
            try:
                self._newest = self._read()
            except (OSError, ssl.SSLError) as exc:
                self._valid.set(0)
                log.error("the certificate is wrong; the older one stays in force: %s", _words(exc))  # noqa: TRY400
            else:
                self._valid.set(1)
                log.info("certificate read again", extra={"file": str(self._cert)})

    def _take_newest(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._newest

    def _read(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self._cert, self._key)
        return context

    def _states(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(map(_state, (self._cert, self._key)))


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _words(exc: Exception) -> str:
    if isinstance(exc, ssl.SSLError) and exc.reason == "KEY_VALUES_MISMATCH":
        return "the key is not that of the certificate"
    return exc.strerror or str(exc) if isinstance(exc, OSError) and not isinstance(exc, ssl.SSLError) else str(exc)

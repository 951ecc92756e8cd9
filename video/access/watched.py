"""Reads and watches the access document."""

import logging
from pathlib import Path

from prometheus_client import Gauge

from shared.document import WatchedDocument
from video.access.access import Access
from video.access.document import AccessDocument

log = logging.getLogger(__name__)

VARIABLE = "ACCESSFILE"


def watch_access(path: str, access: Access, valid: Gauge) -> WatchedDocument[AccessDocument] | None:
    """Put a document into force, and return what watches it; None without one.

    Args:
        path: of the document; empty: everyone may see everything.
        access: that decides.
        valid: the metric of documents.

    Raises:
        SettingsError: the document, or a file that it names, is wrong.
    """
    if not path:
        log.warning("everyone who reaches this service sees every camera: no ACCESSFILE is set")
        return None
    watched = WatchedDocument(
        Path(path), AccessDocument, variable=VARIABLE, valid=valid, check=access.check, also=AccessDocument.files
    )
    access.use(watched.value)
    return watched


def wrong_documents(document: WatchedDocument[AccessDocument] | None) -> dict[str, str]:
    """Return what is wrong with the newest text of the document, by its setting; empty if nothing is."""
    return {} if document is None or document.error is None else {VARIABLE: document.error}

"""The status of the whole suite as the page and `/cameras` show it: cameras, services, models, bus, ledgers; as JSON.

For the event loop only.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from shared import clock
from shared.frames.ledger import Ledger
from shared.reports import Entry, LedgerReport, ModelReport
from shared.states import BusState, ServiceState
from shared.status import SILENT_AFTER_S
from video.access.rights import EVERYTHING, Rights
from video.camera import Camera
from video.cameras import Cameras
from video.diagnosis import BUS_SILENT_AFTER_S, gone_for
from video.model_status import model_json, unknown

log = logging.getLogger(__name__)

Json = dict[str, Any]
FRESH_S = 0.1  # no status message is older
INTERVAL_S = 1.0  # between two status messages to one viewer
MIN_INTERVAL_S = 0.2  # however often states change
MAX_INTERVAL_S = 3.0
MAX_TEXTS = 100  # kept, one for each set of rights
MAX_BYTES_S = 20e6  # of status messages to all viewers together, as far as MAX_INTERVAL_S allows


class SuiteStatus:
    """Follows the reports of the services and the bus, and diagnoses the cameras with them."""

    def __init__(
        self,
        cameras: Cameras,
        ledger: Ledger,
        *,
        entries: Callable[[], list[Entry]],
        bus_silent_s: Callable[[], float],
    ) -> None:
        """Join the parts that the status is made of.

        Args:
            cameras: diagnosed at each `update`.
            ledger: of this service.
            entries: returns the newest reports of all services.
            bus_silent_s: returns the seconds since the brokers last acknowledged a record of this service.
        """
        self._cameras, self._ledger = cameras, ledger
        self._entries, self._bus_silent_s = entries, bus_silent_s
        self._known_entries: list[Entry] = []
        self._bus = (BusState.OK, clock.now_us())
        self._bus_well_since = time.monotonic()
        self._services: dict[tuple[str, str], tuple[ServiceState, int]] = {}
        self._texts: dict[Rights, str] = {}
        self._text_at, self._size = float("-inf"), 0

    def update(self, now: float) -> bool:
        """Look at everything again; return whether any state has changed."""
        before = self._states()
        self._known_entries = self._entries()
        silent_s = self._bus_silent_s()
        self._follow_bus(silent_s, now)
        bus_well_s = now - self._bus_well_since
        self._services = {
            (entry.service, entry.instance): self._service_state(entry, bus_well_s, now)
            for entry in self._known_entries
        }
        diagnosed = self._cameras.diagnose(self._known_entries, bus_silent_s=silent_s, bus_well_s=bus_well_s, now=now)
        changed = diagnosed or before != self._states()
        if changed:
            self._text_at = float("-inf")
        return changed

    def message(self, viewer: Json, rights: Rights = EVERYTHING) -> str:
        """Return the status message of `/ws`.

        Args:
            viewer: the counts of one connection.
            rights: what it may see.
        """
        now = time.monotonic()
        if now - self._text_at > FRESH_S or len(self._texts) > MAX_TEXTS:
            self._texts.clear()
            self._text_at = now
        text = self._texts.get(rights)
        if text is None:  # written once for all connections with the same rights
            text = self._texts[rights] = json.dumps(self._as_json(now, rights), allow_nan=False)[:-1]
            self._size = len(text)
        return f'{text}, "viewer": {json.dumps(viewer)}}}'

    def interval_s(self, viewers: int, *, changed: bool) -> float:
        """Return the seconds between two status messages to one of so many viewers.

        Long messages to many viewers come less often, so that invented names cannot saturate the network.
        """
        affordable_s = self._size * viewers / MAX_BYTES_S
        return max(MIN_INTERVAL_S if changed else INTERVAL_S, min(MAX_INTERVAL_S, affordable_s))

    def _as_json(self, now: float, rights: Rights) -> Json:
        seen = rights.may_see
        return {
            "type": "status",
            "at": clock.now_us(),
            "cameras": [camera_json(camera, now) for camera in self._cameras if seen(camera.id)],
            "services": self._services_json(documents_too=rights.unlimited),
            "models": self._models(),
            "bus": {"state": self._bus[0], "since": self._bus[1]},
            "ledger": {
                camera: {service: account.as_json() for service, account in accounts.items()}
                for camera, accounts in self.ledgers().items()
                if seen(camera)
            },
        }

    def _services_json(self, *, documents_too: bool) -> list[Json]:
        """Return the services; mistakes in documents may name cameras, so that not every viewer may read them."""
        documents: dict[tuple[str, str], Mapping[str, str]] = {
            (entry.service, entry.instance): entry.report.documents for entry in self._known_entries
        }
        return [
            {"service": service, "instance": instance, "state": state, "since": since}
            | ({"documents": dict(wrong)} if documents_too and (wrong := documents.get((service, instance))) else {})
            for (service, instance), (state, since) in sorted(self._services.items())
        ]

    def _states(self) -> object:
        """Return what counts as a change: all states, without times and numbers."""
        services = {key: state for key, (state, _) in self._services.items()}
        models = {
            (e.instance, name): model.state for e in self._known_entries for name, model in e.report.models.items()
        }
        wrong = {(e.service, e.instance): e.report.documents for e in self._known_entries}
        return self._bus[0], services, models, wrong

    def _follow_bus(self, silent_s: float, now: float) -> None:
        if silent_s <= BUS_SILENT_AFTER_S:
            if self._bus[0] is not BusState.OK:
                log.info("the brokers answer again")
                self._bus, self._bus_well_since = (BusState.OK, clock.now_us()), now
            return
        self._bus_well_since = now
        if self._bus[0] is BusState.OK:
            log.warning("the brokers do not answer", extra={"seconds": round(silent_s, 1)})
            self._bus = (BusState.STALLED, clock.now_us() - int(silent_s * 1e6))

    def _service_state(self, entry: Entry, bus_well_s: float, now: float) -> tuple[ServiceState, int]:
        heard_at_us = clock.now_us() - int(entry.silent_s(now) * 1e6)
        known = self._services.get((entry.service, entry.instance))
        if entry.ending:
            state = ServiceState.ENDING
        elif gone_for(entry, bus_well_s, now) is not None:
            state = ServiceState.SILENT
        elif known and known[0] is not ServiceState.ENDING and entry.silent_s(now) > SILENT_AFTER_S:
            state = known[0]  # the bus stands still: its last state holds
        else:
            state = ServiceState.LIVE
        return known if known and known[0] == state else (state, heard_at_us)

    def _models(self) -> list[Json]:
        """Return every model's state as the newest report of a consumer has it, with the figures of all live ones."""
        models: dict[str, list[ModelReport]] = {}
        for entry in sorted(self._known_entries, key=lambda entry: (not entry.ending, entry.heard_at)):
            state, _ = self._services[entry.service, entry.instance]
            gone = f"the {entry.service} is {state}" if state is not ServiceState.LIVE else None
            for name, model in entry.report.models.items():
                models.setdefault(name, []).append(unknown(model, gone) if gone else model)
        return [model_json(name, models[name]) for name in sorted(models)]

    def ledgers(self) -> dict[str, dict[str, LedgerReport]]:
        """Return, by camera and service, the sum of the ledgers of the instances; of this service, its own ledger."""
        ledgers: dict[str, dict[str, LedgerReport]] = {}
        for entry in self._known_entries:
            if entry.service == "video":
                continue
            for camera, account in entry.report.ledger.items():
                own = ledgers.setdefault(camera, {})
                own[entry.service] = own.get(entry.service, LedgerReport()) + account
        for camera, account in self._ledger.reports().items():
            ledgers.setdefault(camera, {})["video"] = account
        return ledgers


def camera_json(camera: Camera, now: float) -> Json:
    """Return what `/cameras` and `/ws` say of a camera at a monotonic time in seconds."""
    newest, diagnosis = camera.slot.newest, camera.diagnosis
    suspect = camera.slot.clock_suspect
    age_ms = None
    if newest is not None and not suspect:
        age_ms = max(0, clock.now_us() - newest.captured_at) / 1000
    return {
        "id": camera.id,
        "title": camera.title,
        "tags": list(camera.tags),
        "width": newest.width if newest else None,
        "height": newest.height if newest else None,
        "fps": round(camera.fps(now), 1),
        "age_ms": age_ms,
        "clock": "unknown" if suspect else "ok",
        "viewers": camera.slot.viewers,
        "state": diagnosis.state,
        "since": camera.since,
        "reason": diagnosis.reason,
        "notice": diagnosis.notice,
    }

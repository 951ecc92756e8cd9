"""The cameras that are not captured on purpose: those that are disabled, and those that were just removed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from producer.document import CameraConfig
from shared.clock import now_us
from shared.reports import CameraReport
from shared.states import CameraState

REMOVED_FOR_S = 60.0  # as long as a removed camera is reported; viewers see it as long


@dataclass(frozen=True, slots=True)
class _Removal:
    config: CameraConfig
    since: int  # microseconds since the epoch
    at_s: float  # monotonic


class IdleCameras:
    """Follows the document. `update` is for one thread, `reports` for any."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Start without cameras."""
        self._now_s = now_s
        self._known: Mapping[str, CameraConfig] = {}
        self._removed: dict[str, _Removal] = {}
        self._disabled_since: dict[str, int] = {}
        self.reports: Mapping[str, CameraReport] = {}  # replaced, never changed

    def update(self, configs: Mapping[str, CameraConfig], is_ours: Callable[[str], bool]) -> bool:
        """Take in the cameras of the document; return whether the reports have changed.

        Args:
            configs: by id.
            is_ours: returns whether this producer reports a camera.
        """
        now = self._now_s()
        for name in self._known.keys() - configs.keys():
            self._removed[name] = _Removal(self._known[name], now_us(), now)
        self._removed = {
            name: removal
            for name, removal in self._removed.items()
            if name not in configs and now - removal.at_s < REMOVED_FOR_S
        }
        disabled = [name for name, config in configs.items() if not config.enabled]
        self._disabled_since = {name: self._disabled_since.get(name) or now_us() for name in disabled}
        self._known = configs
        reports = {
            name: _report(CameraState.DISABLED, self._disabled_since[name], configs[name])
            for name in disabled
            if is_ours(name)
        }
        reports |= {
            name: _report(CameraState.REMOVED, removal.since, removal.config)
            for name, removal in self._removed.items()
            if is_ours(name)
        }
        changed = reports != self.reports
        self.reports = reports
        return changed


def _report(state: CameraState, since: int, config: CameraConfig) -> CameraReport:
    return CameraReport(state, since, title=config.title, tags=config.tags)

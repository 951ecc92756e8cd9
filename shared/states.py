"""The states of cameras, models, services and the bus: the values on `videostatus`, on `/ws` and in /readyz.

Their values are a contract: browsers, dashboards and third-party programs compare them.
"""

from enum import StrEnum


class CameraState(StrEnum):
    """State of a camera, as a producer reports it and as viewers see it."""

    UP = "up"  # it delivers frames
    DOWN = "down"  # it cannot be reached, or does not deliver pictures
    REFUSED = "refused"  # it requires other credentials, or refuses this client
    FROZEN = "frozen"  # it is connected and silent
    REMOVED = "removed"  # it is no longer configured
    DISABLED = "disabled"  # it is switched off in the configuration
    WAITING = "waiting"  # no frame of it has been seen yet; only viewers see this state, no producer reports it

    @property
    def is_fault(self) -> bool:
        """Whether the camera should deliver frames and does not."""
        return self in _FAULTS


_FAULTS = frozenset({CameraState.DOWN, CameraState.REFUSED, CameraState.FROZEN})


class ModelState(StrEnum):
    """State of a model, as a consumer's requests show it."""

    WAITING = "waiting"  # it has not answered yet
    UP = "up"
    DOWN = "down"


class ServiceState(StrEnum):
    """State of one instance of a service, as its status records show it."""

    LIVE = "live"
    SILENT = "silent"  # its newest record is older than SILENT_AFTER_S (shared/status.py)
    ENDING = "ending"  # it has written its last record


class BusState(StrEnum):
    """State of the bus, as acknowledgements show it."""

    OK = "ok"
    STALLED = "stalled"  # the brokers do not acknowledge what is written

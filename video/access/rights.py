"""What a viewer may see: patterns of cameras, with or without predictions."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from video.access.document import Role


@dataclass(frozen=True, slots=True)
class Grant:
    """Cameras that may be seen.

    Attributes:
        cameras: patterns of ids, or one id.
        predictions: whether their predictions may be read as data.
    """

    cameras: tuple[str, ...]
    predictions: bool = True

    @classmethod
    def of_role(cls, role: Role) -> Self:
        """Return what a role grants."""
        return cls(tuple(role.cameras), role.predictions)

    def covers(self, camera: str) -> bool:
        """Return whether a camera's id matches one of the patterns."""
        return any(fnmatchcase(camera, pattern) for pattern in self.cameras)


@dataclass(frozen=True, slots=True)
class Rights:
    """Everything that a viewer may see: the sum of its grants. Equal rights share what is made for them."""

    grants: tuple[Grant, ...] = ()

    def may_see(self, camera: str) -> bool:
        """Return whether a camera may be seen."""
        return any(grant.covers(camera) for grant in self.grants)

    def may_see_predictions(self, camera: str) -> bool:
        """Return whether the predictions of a camera may be read."""
        return any(grant.predictions and grant.covers(camera) for grant in self.grants)

    @property
    def some_predictions(self) -> bool:
        """Whether the predictions of any camera may be read."""
        return any(grant.predictions and grant.cameras for grant in self.grants)

    @property
    def some(self) -> bool:
        """Whether there is anything to be seen."""
        return any(grant.cameras for grant in self.grants)

    @property
    def unlimited(self) -> bool:
        """Whether every camera may be seen, with its predictions."""
        return any(grant.predictions and "*" in grant.cameras for grant in self.grants)


NOTHING = Rights()
EVERYTHING = Rights((Grant(("*",)),))

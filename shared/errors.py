"""Every error of the suite, named for what the caller can do about it.

SuiteError
├── SettingsError      a setting is wrong: print the mistakes, end with status 2
├── DocumentError      a document is wrong: keep the one before, say what is wrong
├── BadRecord          a record is not what its topic holds: count it, skip it
├── BadPicture         bytes are not a usable picture: count them, skip them
│   └── NotMasked      a privacy mask could not be painted: the picture must not leave the capture
├── BusError           the broker did not do what was asked: drop, continue, try again
├── CameraError        a camera delivers no frames: back off, try again
│   ├── CameraRefused  it wants other credentials, or refuses this client
│   ├── CameraFrozen   it is connected and silent
│   └── CameraLost     it is gone, or was never there
└── ServingError       the model server gave no prediction: back off, try again

Errors of foreign libraries are translated where they enter and chained; they are not seen above.
"""


class SuiteError(Exception):
    """Base of every error that the suite raises on purpose."""


class SettingsError(SuiteError):
    """One or more settings are wrong; `mistakes` holds a line for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class DocumentError(SuiteError):
    """A document that people write is wrong; `mistakes` holds a line for each, `bound` tells whether it is too much."""

    def __init__(self, mistakes: list[str], *, bound: bool = False) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes, self.bound = mistakes, bound


class BadRecord(SuiteError):
    """A record on the bus is not what its topic holds."""


class BadPicture(SuiteError, ValueError):
    """Bytes are not a picture, or not one that can be used."""


class NotMasked(BadPicture):
    """A privacy mask could not be painted on a picture, which therefore must not leave the capture."""


class BusError(SuiteError):
    """The broker did not answer, or refused."""


class CameraError(SuiteError):
    """A camera gives no frames; the message says why and holds no credentials."""


class CameraRefused(CameraError):
    """The camera refuses this client: wrong user name, password or path."""


class CameraFrozen(CameraError):
    """The camera is connected and sends nothing."""


class CameraLost(CameraError):
    """The camera cannot be reached, went away, or sends no pictures."""


class ServingError(SuiteError):
    """The model server cannot be reached, is too slow, or answered with an error or nonsense."""

"""What can go wrong between a model server and the consumer."""

from shared.errors import ServingError


class ServingUnreachable(ServingError):
    """No server answers at the address, or the connection broke."""


class ServingTimeout(ServingError):
    """The answer did not arrive in time."""


class ServingRefusal(ServingError):
    """The server answered with an HTTP error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text}" if text else f"HTTP {status}")
        self.status = status


class ServingNonsense(ServingError):
    """The answer is not what the model's signature promises."""


class Contradiction(ServingError):
    """The models document and the server's metadata do not fit each other; the message names both shapes."""

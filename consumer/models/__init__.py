"""The models that the consumer knows how to ask; the part of a model's name before `_` chooses one."""

from consumer.models.handler import Handler
from consumer.models.imagenet import Imagenet

__all__ = ["HANDLERS", "Handler", "handler_name"]

HANDLERS: dict[str, type[Handler]] = {"imagenet": Imagenet}


def handler_name(model: str) -> str:
    """Return the handler that a model's name asks for.

    >>> handler_name("imagenet_1")
    'imagenet'
    """
    return model.partition("_")[0]

"""The model kinds: a module each, added to `HANDLERS`; the part of a model's name before `_` selects one."""

from consumer.models.handler import Handler
from consumer.models.imagenet import Imagenet

__all__ = ["HANDLERS", "Handler", "handler_name"]

HANDLERS: dict[str, type[Handler]] = {"imagenet": Imagenet}


def handler_name(model: str) -> str:
    """Return the name of the handler for a model.

    >>> handler_name("imagenet_1")
    'imagenet'
    """
    return model.partition("_")[0]

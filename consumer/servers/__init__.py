"""The clients of model servers: `connect` returns the one that speaks a model's protocol."""

from consumer.model_spec import ModelSpec
from consumer.servers.fixed_batch import FixedBatch
from consumer.servers.kserve import KServe
from consumer.servers.server import ModelServer
from consumer.servers.tfserving import TfServing

__all__ = ["ModelServer", "connect"]


def connect(spec: ModelSpec, *, timeout_s: float) -> ModelServer:
    """Return a client of a model; nothing is asked yet.

    Args:
        spec: of the model.
        timeout_s: longest wait for what the server says about the model.
    """
    if spec.protocol == "kserve":
        return FixedBatch(KServe(spec.url, timeout_s=timeout_s, binary=spec.binary))
    return FixedBatch(TfServing(spec.url, timeout_s=timeout_s))

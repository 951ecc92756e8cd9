"""The consumer: its parts, joined."""

import sys
from functools import partial
from itertools import count

from consumer import trial
from consumer.asking import predictor_of
from consumer.configured_models import ConfiguredModels
from consumer.imprinter import QUALITY, Imprinter, Lane
from consumer.metrics import ConsumerMetrics
from consumer.model_set import ModelSet
from consumer.modes import Latest, Mode, Sync
from consumer.pipeline import run
from consumer.predictor import Predictor
from consumer.publisher import PredictionPublisher
from consumer.servers import connect
from consumer.settings import DEFAULT_GROUP, ConsumerSettings
from consumer.versions import watch_versions
from shared.bus import Bus, Reader, Writer
from shared.clock import now_us
from shared.frames.go_record import RawPicture
from shared.frames.pixels import encode_raw
from shared.frames.reader import FrameReader
from shared.frames.writer import FrameWriter
from shared.process.probes import Readiness, ReadinessCheck
from shared.process.service import Service, run_service
from shared.reports import ModelReport
from shared.states import ModelState

PURPOSE = (
    "Takes frames from Kafka, asks models about them, draws what they found, and writes the frames back. "
    f"{trial.USAGE} asks one model about one picture."
)


def main() -> int:
    """Run the consumer, or ask one model about one picture; return the exit status."""
    if sys.argv[1:2] == [trial.OPTION]:
        return trial.main(sys.argv[2:])
    return run_service(ConsumerSettings, "consumer", PURPOSE, build)


def build(service: Service[ConsumerSettings]) -> ReadinessCheck:
    """Join the parts of the consumer.

    Raises:
        SettingsError: librdkafka refuses KAFKACONFIG, or the models document or a file of labels is wrong.
    """
    settings, run_id = service.settings, now_us()
    metrics = ConsumerMetrics(service.registry)
    configured = ConfiguredModels(settings, valid=metrics.document_valid)
    bus_in = Bus(settings.servers_in, settings.kafka_config)
    bus_out = Bus(settings.servers_out, settings.kafka_config)
    reader = (
        Reader.in_group(bus_in, settings.topic_in, group=settings.group)
        if settings.group
        else Reader.of_all_partitions(bus_in, settings.topic_in, group=DEFAULT_GROUP)
    )
    frames, small_records = Writer(bus_out, compression=settings.compression), Writer(bus_out)
    service.owns(reader, frames)

    loops = count(1)  # a model that was changed has another loop, while the one before may still be waiting
    models = ModelSet(
        lambda model, **hooks: predictor_of(
            model,
            timeout_s=settings.model_timeout_s,
            metrics=metrics.predictions,
            changed=lambda: status.changed(),
            **hooks,
        ),
        spawn=lambda predictor: service.spawn(f"model-{predictor.name}-{next(loops)}", predictor.run),
        publish=PredictionPublisher(small_records, settings.topic_predictions).publish,
        metrics=metrics.predictions,
    )
    status = service.reports(small_records, metrics, models=models.reports, documents=configured.mistakes)
    service.at_end(models.close)
    imprinter = Imprinter(FrameWriter(frames, settings.topic_out, metrics.ledger), metrics.ledger, run_id=run_id)
    mode: Mode = (
        Latest(models, imprinter)
        if settings.prediction_mode == "latest"
        else Sync(models, imprinter, metrics.ledger, timeout_s=settings.model_timeout_s)
    )
    frame_reader = FrameReader(
        reader,
        metrics.ledger,
        metrics=metrics.reader,
        encode=_encode,
        max_lag_s=settings.max_lag_s,
        run=run_id,
    )
    connect_briefly = partial(connect, timeout_s=settings.model_timeout_s)
    models.apply(configured.models)
    service.loop("models", lambda stop, beat: configured.run(stop, beat, models.apply))
    service.loop("frames", lambda stop, beat: run(frame_reader, mode, metrics.ledger, stop, beat))
    for lane in Lane:
        service.loop(f"imprint-{lane}", partial(imprinter.run, lane))
    service.loop(
        "versions",
        lambda stop, beat: watch_versions(lambda: models.predictors, connect_briefly, stop, beat),
        awaited=False,
    )

    def readiness() -> Readiness:
        lines = {f"model/{name}": _model_line(predictor) for name, predictor in models.predictors.items()}
        parts = {"broker": status.broker(), **configured.readiness(), **lines}
        return Readiness(ready=status.broker_answered(), parts=parts)

    return readiness


def _model_line(predictor: Predictor) -> str:
    state: ModelReport = predictor.state
    seconds = (now_us() - state.since) / 1e6
    if state.state is ModelState.UP:
        return "ok"
    return f"{state.state} for {seconds:.0f} s" + (f": {state.reason}" if state.reason else "")


def _encode(picture: RawPicture) -> bytes:
    return encode_raw(picture, quality=QUALITY)

"""The consumer: its parts, joined."""

from functools import partial

from consumer.imprinter import QUALITY, Imprinter, Lane
from consumer.labels import LabelsUnavailable
from consumer.metrics import ConsumerMetrics, PredictionMetrics
from consumer.models import HANDLERS, handler_name
from consumer.modes import Latest, Mode, Sync
from consumer.pipeline import run
from consumer.predictor import OnResult, Predictor
from consumer.publisher import PredictionPublisher
from consumer.serving import Serving
from consumer.settings import ConsumerSettings
from consumer.versions import watch_versions
from shared.bus import Bus, Reader, Writer
from shared.clock import now_us
from shared.errors import SettingsError
from shared.frames.go_record import RawPicture
from shared.frames.pixels import encode_raw
from shared.frames.reader import FrameReader
from shared.frames.writer import FrameWriter
from shared.process.probes import Readiness, ReadinessCheck
from shared.process.service import Service, run_service
from shared.states import ModelState
from shared.status import StatusWriter

PURPOSE = "Takes frames from Kafka, asks TensorFlow Serving, draws the labels, and writes the frames back."


def main() -> int:
    """Run the consumer; return the exit status."""
    return run_service(ConsumerSettings, "consumer", PURPOSE, build)


def build(service: Service[ConsumerSettings]) -> ReadinessCheck:
    """Join the parts of the consumer.

    Raises:
        SettingsError: librdkafka refuses KAFKACONFIG, or a file of labels cannot be read.
    """
    settings, run_id = service.settings, now_us()
    metrics = ConsumerMetrics(service.registry)
    bus_in = Bus(settings.servers_in, settings.kafka_config)
    bus_out = Bus(settings.servers_out, settings.kafka_config)
    reader = Reader.in_group(bus_in, settings.topic_in, group=settings.group)
    frames, small_records = Writer(bus_out, compression=settings.compression), Writer(bus_out)
    service.owns(reader, frames)
    publisher = PredictionPublisher(small_records, settings.topic_predictions)
    predictors: dict[str, Predictor] = {}
    status = service.reports(
        small_records,
        metrics,
        models=lambda: {name: predictor.state for name, predictor in predictors.items()},
    )

    for name, url in settings.model_urls.items():
        predictors[name] = _predictor(name, url, settings, metrics.predictions, publisher.publish, status)
    imprinter = Imprinter(FrameWriter(frames, settings.topic_out, metrics.ledger), metrics.ledger, run_id=run_id)
    mode: Mode = (
        Latest(predictors, imprinter)
        if settings.prediction_mode == "latest"
        else Sync(predictors, imprinter, metrics.ledger, timeout_s=settings.model_timeout_s)
    )
    frame_reader = FrameReader(
        reader,
        metrics.ledger,
        metrics=metrics.reader,
        encode=_encode,
        max_lag_s=settings.max_lag_s,
        run=run_id,
    )
    servings = {
        predictor: Serving(settings.model_urls[name], timeout_s=settings.model_timeout_s)
        for name, predictor in predictors.items()
    }
    service.loop("frames", lambda stop, beat: run(frame_reader, mode, metrics.ledger, stop, beat))
    for lane in Lane:
        service.loop(f"imprint-{lane}", partial(imprinter.run, lane))
    for name, predictor in predictors.items():
        service.loop(f"model-{name}", predictor.run, awaited=False)
    service.loop("versions", lambda stop, beat: watch_versions(servings, stop, beat), awaited=False)

    def readiness() -> Readiness:
        models = {f"model/{name}": _model_line(predictor) for name, predictor in predictors.items()}
        return Readiness(ready=status.broker_answered(), parts={"broker": status.broker(), **models})

    return readiness


def _predictor(
    name: str,
    url: str,
    settings: ConsumerSettings,
    metrics: PredictionMetrics,
    on_result: OnResult,
    status: StatusWriter,
) -> Predictor:
    try:
        return Predictor(
            name,
            serving=Serving(url, timeout_s=settings.model_timeout_s),
            handler=HANDLERS[handler_name(name)],
            labels=settings.labels_of(name),
            metrics=metrics,
            on_result=on_result,
            changed=status.changed,
        )
    except LabelsUnavailable as exc:
        raise SettingsError([f"LABELURLS[{name}]: {exc}"]) from exc


def _model_line(predictor: Predictor) -> str:
    state = predictor.state
    seconds = (now_us() - state.since) / 1e6
    if state.state is ModelState.UP:
        return "ok"
    return f"{state.state} for {seconds:.0f} s" + (f": {state.reason}" if state.reason else "")


def _encode(picture: RawPicture) -> bytes:
    return encode_raw(picture, quality=QUALITY)

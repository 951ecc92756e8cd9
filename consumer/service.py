"""The consumer as a whole: its parts put together, and its life."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack

from consumer.labels import LabelsUnavailable
from consumer.models import HANDLERS, handler_name
from consumer.pipeline import QUALITY, Imprinter, Latest, Mode, Sync, run
from consumer.prediction import Prediction
from consumer.predictor import Done, Predictor, PredictorMetrics
from consumer.publisher import PredictionPublisher
from consumer.serving import Serving
from consumer.settings import ConsumerSettings
from consumer.versions import watch_versions
from shared.bus import Bus, Reader, Writer
from shared.clock import now_us
from shared.errors import SettingsError
from shared.frames.frame import Frame
from shared.frames.go_record import RawPicture
from shared.frames.ledger import Ledger
from shared.frames.pixels import encode_raw
from shared.frames.reader import FrameReader
from shared.frames.writer import FrameWriter
from shared.process import logs
from shared.process.probes import Readiness
from shared.process.service import Service
from shared.settings import end_with, from_command_line
from shared.states import ModelState
from shared.status import Report, StatusWriter

NAME = "consumer"
PURPOSE = "Takes frames from Kafka, asks TensorFlow Serving, imprints the labels, and puts them back."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the consumer; return the status to exit with."""
    settings = from_command_line(ConsumerSettings, NAME, PURPOSE, sys.argv[1:] if argv is None else argv)
    logs.configure(level=settings.log_level, form=settings.log_format, service=NAME)
    try:
        return _serve(settings)
    except SettingsError as exc:
        return end_with(NAME, exc)


def _serve(settings: ConsumerSettings) -> int:
    service = Service(NAME, settings)
    run_id = now_us()
    ledger = Ledger(NAME, service.registry)
    bus_in = Bus(settings.servers_in, settings.kafka_config)
    bus_out = Bus(settings.servers_out, settings.kafka_config)
    with ExitStack() as stack:
        reader = stack.enter_context(Reader.in_group(bus_in, settings.topic_in, group=settings.group))
        writer = stack.enter_context(Writer(bus_out, compression=settings.compression))
        talk = stack.enter_context(Writer(bus_out))
        predictions = PredictionPublisher(talk, settings.topic_predictions)
        metrics = PredictorMetrics(service.registry)
        askers: dict[str, Predictor] = {}

        def done(model: str, frame: Frame, prediction: Prediction | None) -> None:
            mode.done(model, frame, prediction)
            if prediction is not None:
                predictions.publish(prediction)

        def report() -> Report:
            models = {name: asker.state.as_json() for name, asker in askers.items()}
            return Report(models=models, ledger=ledger.as_json())

        status = StatusWriter(talk, settings.topic_status, service=NAME, report=report)
        status.export(service.registry)
        for name, url in settings.model_urls.items():
            askers[name] = _asker(name, url, settings, metrics, done, status)
        imprinter = Imprinter(FrameWriter(writer, settings.topic_out, ledger), ledger, run=run_id)
        mode: Mode = (
            Latest(askers, imprinter)
            if settings.prediction_mode == "latest"
            else Sync(askers, imprinter, ledger, timeout_s=settings.model_timeout_s)
        )
        inlet = FrameReader(
            reader,
            ledger,
            service=NAME,
            registry=service.registry,
            encode=_encode,
            max_lag_s=settings.max_lag_s,
            run=run_id,
        )
        servings = {
            asker: Serving(settings.model_urls[name], timeout_s=settings.model_timeout_s)
            for name, asker in askers.items()
        }

        def readiness() -> Readiness:
            models = {f"model/{name}": _model_line(asker) for name, asker in askers.items()}
            return Readiness(ready=status.broker_answered(), parts={"broker": status.broker(), **models})

        service.loop("frames", lambda stop, beat: run(inlet, mode, ledger, stop, beat))
        for name, asker in askers.items():
            service.loop(f"model-{name}", asker.run, awaited=False)
        service.loop("versions", lambda stop, beat: watch_versions(servings, stop, beat), awaited=False)
        service.loop("status", status.run)
        service.at_end(status.changed)
        try:
            return service.run(readiness)
        finally:
            writer.close()
            status.last_word()


def _asker(
    name: str,
    url: str,
    settings: ConsumerSettings,
    metrics: PredictorMetrics,
    done: Done,
    status: StatusWriter,
) -> Predictor:
    try:
        return Predictor(
            name,
            serving=Serving(url, timeout_s=settings.model_timeout_s),
            handler=HANDLERS[handler_name(name)],
            labels=settings.labels_of(name),
            metrics=metrics,
            done=done,
            changed=status.changed,
        )
    except LabelsUnavailable as exc:
        raise SettingsError([f"LABELURLS[{name}]: {exc}"]) from exc


def _model_line(asker: Predictor) -> str:
    state = asker.state
    seconds = (now_us() - state.since) / 1e6
    if state.state is ModelState.UP:
        return "ok"
    return f"{state.state} for {seconds:.0f} s" + (f": {state.reason}" if state.reason else "")


def _encode(picture: RawPicture) -> bytes:
    return encode_raw(picture, quality=QUALITY)

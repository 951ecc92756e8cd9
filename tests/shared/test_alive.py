"""The question that an image's HEALTHCHECK asks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry

from shared import alive
from shared.go_notation import Address
from shared.process.probes import Probes, Pulse, Readiness


def test_living_service_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that answers is healthy, at whatever address PROBEPORT says."""
    with _probes(monkeypatch, Pulse()):
        assert alive.main() == 0


def test_answer_is_printed_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is given is asked for and shown, since the images have no other program for that."""
    with _probes(monkeypatch, Pulse()):
        assert alive.main(["/readyz"]) == 0

    assert json.loads(capsys.readouterr().out) == {"status": "ready", "broker": "ok"}


def test_hanging_service_is_not(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A loop that hangs makes the service unhealthy, and standard error says which."""
    now = [0.0]
    pulse = Pulse(clock=lambda: now[0])
    pulse.beat("frames")
    now[0] = 60.0

    with _probes(monkeypatch, pulse):
        assert alive.main() == 1

    assert "frames" in capsys.readouterr().err


def test_silence_is_not(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A port without a listener means unhealthy, in one line."""
    with _probes(monkeypatch, Pulse()):
        pass  # the port is free again

    assert alive.main() == 1
    assert capsys.readouterr().err.startswith("no answer at 127.0.0.1:")


@contextmanager
def _probes(monkeypatch: pytest.MonkeyPatch, pulse: Pulse) -> Iterator[None]:
    probes = Probes(
        Address("127.0.0.1", 0),
        registry=CollectorRegistry(),
        pulse=pulse,
        readiness=lambda: Readiness(ready=True, parts={"broker": "ok"}),
    )
    monkeypatch.setenv("PROBEPORT", f"127.0.0.1:{probes.port}")
    probes.start()
    try:
        yield
    finally:
        probes.close()

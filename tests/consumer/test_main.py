"""The consumer as a process."""

import json
import signal
import socket

from consumer.settings import ConsumerSettings
from local.ports import free_port
from shared.bus import EmbeddedBroker
from tests.suite import LOOPBACK, Program, Service, get
from tests.waiting import wait_until

NOWHERE = {"KAFKAPORTIN": f"{LOOPBACK}:9", "KAFKAPORTOUT": f"{LOOPBACK}:9"}


def mistakes(program: Program) -> list[str]:
    """Return what is said of the settings; the log may say as well that there is no broker."""
    assert "Traceback" not in program.log
    return [line for line in program.lines if line.startswith("consumer: ")]


def test_help_lists_every_setting() -> None:
    """Nothing is started."""
    with Program("consumer", "--help") as program:
        assert program.waits() == 0

    for field in ConsumerSettings.model_fields.values():
        assert str(field.validation_alias) in program.log


def test_wrong_settings_end_it_with_a_line_each() -> None:
    """Status 2, no traceback."""
    with Service("consumer", PREDICTIONMODE="newest", MODELTIMEOUT="0", MODELURLS="{") as program:
        assert program.waits() == 2

    assert sorted(line.partition(": got")[0] for line in program.lines) == [
        "consumer: MODELTIMEOUT",
        "consumer: MODELURLS",
        "consumer: PREDICTIONMODE",
    ]


def test_a_missing_label_file_is_one_line_too() -> None:
    """A server with labels may be available later."""
    with Service("consumer", **NOWHERE, LABELURLS='{"imagenet_1": "/nowhere/labels.json"}') as program:
        assert program.waits() == 2

    assert mistakes(program) == ["consumer: LABELURLS[imagenet_1]: /nowhere/labels.json: No such file or directory"]


def test_a_taken_probe_port_is_one_line() -> None:
    """The line names the variable."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        address = f"{LOOPBACK}:{taken.getsockname()[1]}"
        with Service("consumer", **NOWHERE, PROBEPORT=address) as program:
            assert program.waits() == 2

    assert mistakes(program) == [f"consumer: PROBEPORT: cannot listen on {address}: Address already in use"]


def test_without_broker_and_model_it_is_alive_but_not_ready() -> None:
    """It is not ready before a broker has answered; a signal ends it with status 0 and no error."""
    model = f"http://{LOOPBACK}:{free_port()}/v1/models/tfModel:predict"
    with Service("consumer", **NOWHERE, MODELURLS=json.dumps({"imagenet_1": model})) as program:
        wait_until(lambda: get(f"{program.probes}/healthz")[0] == 200, "it is alive")
        status, body = get(f"{program.probes}/readyz")

        assert status == 503
        ready = json.loads(body)
        assert ready["status"] == "not ready"
        assert ready["broker"].startswith("no answer for ")
        assert ready["model/imagenet_1"].startswith("waiting for ")
        assert program.ends(signal.SIGINT) == 0
        assert "Traceback" not in program.log


def test_a_healthy_consumer_ends_within_seconds() -> None:
    """It leaves its group and writes its final status; no error is logged."""
    broker = EmbeddedBroker()
    settings = {
        "KAFKAPORTIN": broker.servers,
        "KAFKAPORTOUT": broker.servers,
        "KAFKACONFIG": json.dumps(dict(broker.PROPERTIES)),
    }
    with Service("consumer", **settings) as program:
        wait_until(lambda: get(f"{program.probes}/readyz")[0] == 200, "the broker has answered")
        assert program.ends() == 0

    assert "did not end in time" not in program.log
    assert "Traceback" not in program.log
    assert program.said("ended")


def test_without_a_group_it_handles_all_cameras_at_once() -> None:
    """A group of the embedded broker waits three seconds for further members."""
    broker = EmbeddedBroker()
    broker.make_topics(["videocam"])
    settings = {
        "KAFKAPORTIN": broker.servers,
        "KAFKAPORTOUT": broker.servers,
        "KAFKACONFIG": json.dumps(dict(broker.PROPERTIES)),
        "GROUPNAME": "",
    }
    with Service("consumer", **settings) as program:
        program.says("partitions taken")

        assert "partitions assigned" not in program.log
        assert program.ends() == 0

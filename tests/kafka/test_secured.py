"""A bus with TLS, passwords and rules: the right users work, every other one is refused, none in silence."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import confluent_kafka.admin
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from local.kafka.node import Node
from shared.bus import Bus, Topics
from tests.end_to_end.model_server import ModelServer
from tests.end_to_end.numbered import write_video
from tests.kafka.chain import KafkaChain, settled
from tests.kafka.secured import Credentials, SecuredNode, listener, make_topics, make_users
from tests.suite import Service, get
from tests.waiting import wait_until

pytestmark = pytest.mark.kafka
_admin: Any = confluent_kafka.admin  # it re-exports its names without declaring so to type checkers
ANSWER_S = 30.0
FRAMES = 50
REFUSED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return Credentials.make(tmp_path_factory.mktemp("credentials"))


@pytest.fixture(scope="module")
def node(kafka_jars: Path, credentials: Credentials, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredNode]:
    with credentials.node(kafka_jars, tmp_path_factory.mktemp("secured")) as node:
        make_users(node, credentials)
        make_topics(node, credentials)
        yield node


def test_commands_change_nothing_the_second_time(node: Node, credentials: Credentials) -> None:
    users, topics = make_users(node, credentials), make_topics(node, credentials)

    for said in (users, topics):
        assert {line.partition(": ")[2] for line in said.splitlines()} == {"as declared"}


def test_the_suite_works_with_a_user_for_each_service(node: Node, credentials: Credentials, tmp_path: Path) -> None:
    """As on an open bus: a film comes through with its labels, and every frame is accounted for."""
    film = write_video(tmp_path / "film.mkv", FRAMES)
    with ModelServer() as models, KafkaChain(node, models, suffix="") as chain:
        producer = chain.produce(CAMERAS=json.dumps({"film": str(film)}))
        wait_until(lambda: (chain.ask("/cameras/film/predictions") or {}).get("predictions"), "a label is drawn")
        wait_until(lambda: producer.books("film").arrived >= FRAMES, "the film has been played")
        film.unlink()  # it is played to its end once
        wait_until(lambda: settled(producer, chain.consumer, chain.video, "film"), "every frame is accounted for")
        for service in (producer, chain.consumer, chain.video):
            assert readiness(service)["broker"] == "ok"


WRITES = [
    ("producer", "videodisplay"),
    ("producer", "videopredictions"),
    ("producer", "videoaudit"),
    ("consumer", "videocam"),
    ("consumer", "videoaudit"),
    ("video", "videocam"),
    ("video", "videodisplay"),
    ("video", "videopredictions"),
]
READS = [
    ("producer", "videodisplay"),
    ("producer", "videopredictions"),
    ("producer", "videostatus"),
    ("consumer", "videodisplay"),
    ("consumer", "videostatus"),
    ("video", "videocam"),
    ("video", "videoaudit"),
]
PORTS = {"producer": "PROD1", "consumer": "CONS1", "video": "CONS2"}


@pytest.mark.parametrize(("user", "topic"), WRITES)
def test_nobody_writes_another_services_topic(node: Node, credentials: Credentials, user: str, topic: str) -> None:
    assert written(node, credentials.of(user), PORTS[user], topic) in REFUSED


@pytest.mark.parametrize(("user", "topic"), READS)
def test_nobody_reads_what_is_not_for_it(node: Node, credentials: Credentials, user: str, topic: str) -> None:
    assert read_error(node, credentials.of(user), PORTS[user], topic) in REFUSED


def test_nobody_joins_another_services_group(node: Node, credentials: Credentials) -> None:
    assert read_error(node, credentials.of("consumer"), "CONS1", "videocam", "goproducer") in REFUSED


@pytest.mark.parametrize("user", PORTS)
def test_services_neither_make_nor_delete_topics(node: Node, credentials: Credentials, user: str) -> None:
    admin = _admin.AdminClient({**credentials.of(user), "bootstrap.servers": listener(node, PORTS[user])})
    makes = admin.create_topics([_admin.NewTopic("another", 1)], request_timeout=ANSWER_S)
    deletes = admin.delete_topics(["videocam"], request_timeout=ANSWER_S)

    for future in (*makes.values(), *deletes.values()):
        with pytest.raises(KafkaException) as caught:
            future.result(ANSWER_S)
        assert caught.value.args[0].code() in REFUSED


def test_the_job_of_the_topics_deletes_none_and_reads_nothing(node: Node, credentials: Credentials) -> None:
    admin = _admin.AdminClient({**credentials.of("topics"), "bootstrap.servers": listener(node, "BROK")})
    (future,) = admin.delete_topics(["videocam"], request_timeout=ANSWER_S).values()
    with pytest.raises(KafkaException) as caught:
        future.result(ANSWER_S)

    assert caught.value.args[0].code() in REFUSED
    assert read_error(node, credentials.of("topics"), "BROK", "videocam") in REFUSED


STRANGERS: dict[str, dict[str, Any]] = {
    "no TLS": {"security.protocol": "PLAINTEXT"},
    "TLS without a password": {"security.protocol": "SSL"},
    "a password without TLS": {"security.protocol": "SASL_PLAINTEXT"},
    "a wrong password": {"sasl.password": "0" * 48},
    "a wrong user": {"sasl.username": "admin"},
    "another mechanism": {"sasl.mechanism": "PLAIN"},
    "an authority that is not ours": {"ssl.ca.pem": None},
}


@pytest.mark.parametrize("what", STRANGERS)
def test_strangers_are_refused(node: Node, credentials: Credentials, what: str) -> None:
    properties = {**credentials.of("consumer"), **STRANGERS[what]}

    assert not Topics(Bus(listener(node, "CONS1"), {k: v for k, v in properties.items() if v})).broker_answers(3.0)


def test_the_jobs_listener_wants_a_certificate(node: Node, credentials: Credentials, tmp_path: Path) -> None:
    other = Credentials.make(tmp_path).of("admin")
    ours = credentials.of("admin")
    without = {name: value for name, value in ours.items() if name in {"security.protocol", "ssl.ca.pem"}}

    assert Topics(Bus(listener(node, "BROK"), ours)).broker_answers(10.0)
    for properties in (without, {**other, "ssl.ca.pem": ours["ssl.ca.pem"]}, credentials.of("consumer")):
        assert not Topics(Bus(listener(node, "BROK"), properties)).broker_answers(3.0)


def test_a_wrong_password_is_named(node: Node, credentials: Credentials) -> None:
    """Not as silence: /readyz and one log line say that the authentication was refused, without the password."""
    wrong = {**credentials.of("producer"), "sasl.password": "wrong-password-of-the-producer"}
    with ModelServer() as models, KafkaChain(node, models, suffix="") as chain:
        producer = chain.produce(CAMERAS='{"film": "rtsp://127.0.0.1:9/film"}', KAFKACONFIG=json.dumps(wrong))
        wait_until(lambda: readiness(producer).get("broker") == "authentication refused", "/readyz names it")
        assert producer.log.count("the broker refuses this client: authentication refused") <= 2  # one for each client
        assert "wrong-password" not in producer.log


def test_certificates_end_and_are_renewed(kafka_jars: Path, credentials: Credentials, tmp_path: Path) -> None:
    """A listener whose certificate has ended is named by /readyz; with a new one the same services go on."""
    ended = tmp_path / "ended.pem"
    expired(credentials, ended)
    film = write_video(tmp_path / "film.mkv", FRAMES)
    store = {"listener.name.prod1.ssl.keystore.location": str(ended), "listener.name.prod1.ssl.keystore.type": "PEM"}
    node = credentials.node(kafka_jars, tmp_path / "node", **store)
    with node:
        make_users(node, credentials)
        make_topics(node, credentials)
        with ModelServer() as models, KafkaChain(node, models, suffix="") as chain:
            producer = chain.produce(CAMERAS=json.dumps({"film": str(film)}))
            wait_until(lambda: readiness(producer).get("broker") == "TLS refused", "/readyz names it")
            Credentials.make(credentials.folder, "--renew")
            ended.write_bytes((credentials.folder / "tls" / "kafka.pem").read_bytes())
            node.stop()
            node.start()
            node.wait_until_ready()
            wait_until(lambda: readiness(producer).get("broker") == "ok", "the producer writes again")
            wait_until(lambda: chain.ask("/cameras/film/predictions"), "frames come through")


def expired(credentials: Credentials, path: Path) -> None:
    """Write a certificate of our authority that has ended, with its key."""
    key, request, certificate = (path.with_suffix(suffix) for suffix in (".key", ".csr", ".crt"))
    folder = credentials.folder
    names = path.with_suffix(".ext")
    names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for command in (
        ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key)],
        ["openssl", "req", "-new", "-key", str(key), "-subj", "/CN=kafka", "-out", str(request)],
        ["openssl", "x509", "-req", "-in", str(request), "-CA", str(folder / "tls" / "ca.pem"), "-CAkey",
         str(folder / "ca.key"), "-days", "-1", "-extfile", str(names), "-out", str(certificate)],
    ):  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    path.write_bytes(key.read_bytes() + certificate.read_bytes())


def readiness(service: Service) -> dict[str, Any]:
    """Return what /readyz says, ready or not."""
    _, body = get(f"{service.probes}/readyz")
    return dict(json.loads(body)) if body else {}


def written(node: Node, properties: dict[str, Any], name: str, topic: str) -> int | None:
    """Write a record; return the code of the error, None if it was taken."""
    outcomes: list[int | None] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        outcomes.append(error.code() if error else None)

    producer = Producer({**properties, "bootstrap.servers": listener(node, name), "message.timeout.ms": 20_000})
    producer.produce(topic, b"x", on_delivery=delivered)
    producer.flush(ANSWER_S)
    return outcomes[0]


def read_error(node: Node, properties: dict[str, Any], name: str, topic: str, group: str = "") -> int | None:
    """Read a topic, as a member of a group if one is named; return the code of the first error, None: it was read."""
    consumer = Consumer({**properties, "bootstrap.servers": listener(node, name), "group.id": group or "nobody"})
    try:
        if group:
            consumer.subscribe([topic])
        else:
            consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(ANSWER_S)
        error = message.error() if message else None
        return error.code() if error else None
    except KafkaException as exc:
        return int(exc.args[0].code())
    finally:
        consumer.close()

import datetime as dt
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import CollectorRegistry

from shared.document import document_valid_gauge
from shared.errors import SettingsError
from tests.video.client import HANDSHAKE
from tests.video.stage import Stage
from tests.waiting import wait_until
from video.access.access import Access
from video.access.document import AccessDocument
from video.access.key_files import digest_of
from video.certificate import Certificate
from video.settings import VideoSettings


class Files:
    """A certificate and its key, which the test replaces."""

    def __init__(self, folder: Path) -> None:
        self.cert, self.key = folder / "tls.crt", folder / "tls.key"
        self.registry = CollectorRegistry()
        self.replace()

    def replace(self) -> int:
        """Make a new certificate; return its serial number."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(serial := x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return serial

    def read(self) -> Certificate:
        return Certificate(self.cert, self.key, document_valid_gauge("video", self.registry))

    def valid(self) -> float | None:
        return self.registry.get_sample_value("video_document_valid", {"file": str(self.cert)})


@pytest.fixture
def pair(tmp_path: Path) -> Files:
    return Files(tmp_path)


def connect(port: int) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname="localhost")


def serial_of(port: int) -> int:
    with connect(port) as connected:
        data = connected.getpeercert(binary_form=True)
    assert data is not None
    return x509.load_der_x509_certificate(data).serial_number


def test_a_stream_over_tls_survives_a_new_certificate_that_others_get(pair: Files) -> None:
    certificate, stop = pair.read(), threading.Event()
    with Stage(certificate=certificate) as stage, connect(stage.port) as viewer:
        watching = threading.Thread(target=certificate.run, args=(stop, lambda: None), daemon=True)
        watching.start()
        stage.show("front", 1)
        viewer.sendall(b"GET /cameras/front/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = viewer.makefile("rb")
        head = b"".join(iter(answer.readline, b"\r\n")).lower()
        assert head.startswith(b"http/1.1 200")
        assert b"strict-transport-security: max-age=31536000" in head
        serial = pair.replace()

        wait_until(lambda: serial_of(stage.port) == serial)
        stage.show("front", 2)
        wait_until(lambda: b"X-Sequence: 2" in answer.readline())
        stop.set()
        watching.join()


def test_a_page_connects_and_its_cookie_is_for_https_only(pair: Files, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"guard {digest_of('secret')}\n")
    document = AccessDocument.model_validate(
        {"viewers": {"roles": {"guard": {"cameras": ["*"]}}}, "tokens": {"file": str(tmp_path / "tokens")}}
    )
    access = Access()
    access.use(document)
    with Stage(certificate=pair.read(), access=access) as stage:
        with connect(stage.port) as page:
            page.sendall(b"GET /?token=secret HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert b"Secure" in b"".join(page.makefile("rb"))
        with connect(stage.port) as page:
            page.sendall(HANDSHAKE + b"Authorization: Bearer secret\r\n\r\n")
            received = b""
            while b"hello" not in received:
                received += (more := page.recv(65536))
                assert more
            assert received.startswith(b"HTTP/1.1 101 ")


def test_a_key_of_another_certificate_changes_nothing(pair: Files) -> None:
    certificate, stop = pair.read(), threading.Event()
    with Stage(certificate=certificate) as stage:
        before = serial_of(stage.port)
        watching = threading.Thread(target=certificate.run, args=(stop, lambda: None), daemon=True)
        watching.start()
        pair.key.write_bytes(Files(pair.key.parent / "..").key.read_bytes())

        wait_until(lambda: pair.valid() == 0)
        assert serial_of(stage.port) == before
        serial = pair.replace()
        wait_until(lambda: serial_of(stage.port) == serial)
        assert pair.valid() == 1
        stop.set()
        watching.join()


def test_plain_http_gets_no_answer_and_no_strict_transport_without_tls(pair: Files, stage: Stage) -> None:
    assert "strict-transport-security" not in stage.get("/healthz").headers
    with Stage(certificate=pair.read()) as secured, socket.create_connection(("127.0.0.1", secured.port), 10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

        assert not plain.recv(100).startswith(b"HTTP")


def test_files_that_are_no_certificate_end_the_start(pair: Files) -> None:
    pair.cert.write_text("nonsense")

    with pytest.raises(SettingsError, match="TLSCERT, TLSKEY"):
        pair.read()


def test_a_certificate_needs_a_key() -> None:
    with pytest.raises(SettingsError, match="TLSCERT, TLSKEY: one of them is set"):
        VideoSettings.load(tls_cert="/tls.crt")

"""TLS connections to cameras: old enough for old cameras, and verified only if CAMERACA says against what.

Cameras run for ten years and more, with the TLS of their first day: RSA key exchange, TLS 1.0, keys of 1024 bits,
SHA-1. None of that is accepted for anything but cameras, and the log says when a camera needs it.
"""

import logging
import re
import socket
import ssl
import time

log = logging.getLogger(__name__)

SYSTEM_CA = "system"
LEAST_RSA_BITS = 2048
LEAST_TIME_S = 0.1  # for one attempt, however little is left

_CIPHERS = "ALL:!aNULL:!eNULL:@SECLEVEL=0"  # OpenSSL, SSL_CTX_set_security_level(3): level 0 permits everything
_LEGACY_SERVER_CONNECT = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT: servers without secure renegotiation (RFC 5746)
_CEILINGS = (ssl.TLSVersion.MAXIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_2)  # some servers fail at the sight of TLS 1.3
_FORWARD_SECRET = ("TLS_", "ECDHE-", "DHE-")  # how the names of cipher suites begin
# DER: AlgorithmIdentifier rsaEncryption with NULL, BIT STRING, SEQUENCE, INTEGER with the length of the modulus.
_RSA_KEY = re.compile(
    rb"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03(?:[\x00-\x7f]|\x81.|\x82..)\x00"
    rb"\x30(?:[\x00-\x7f]|\x81.|\x82..)\x02(?P<length>[\x00-\x7f]|\x81.|\x82..)",
    re.DOTALL,
)
_OLD_SIGNATURES = {
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05": "SHA-1",  # sha1WithRSAEncryption (RFC 8017, appendix C)
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04": "MD5",  # md5WithRSAEncryption
}


def context(ca: str = "") -> ssl.SSLContext:
    """Return the TLS context for cameras.

    Args:
        ca: empty: certificates are not verified, because cameras sign their own; `system`: verified against the
            authorities of this machine; else the path of a PEM file with authorities. A verified certificate must
            name the host of the link.

    Raises:
        OSError: the file cannot be read, or holds no certificate.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.set_ciphers(_CIPHERS)
    made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    made.options |= ssl.OP_IGNORE_UNEXPECTED_EOF | _LEGACY_SERVER_CONNECT
    if not ca:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif ca == SYSTEM_CA:
        made.load_default_certs()
    else:
        made.load_verify_locations(ca)
    return made


def connect(host: str, port: int, *, secure: bool, ca: str = "", timeout_s: float) -> socket.socket:
    """Return a connection to a camera, over TLS if it is to be secure; if that is old TLS, the log says so.

    Args:
        host: name or address, with a zone if it is a link-local address of IPv6.
        port: of the camera.
        secure: over TLS.
        ca: as for `context`.
        timeout_s: for the connection, and for TLS.

    Raises:
        OSError: there is no connection, or no TLS; ssl.SSLCertVerificationError if the certificate is refused.
    """
    connected = _secured(host, port, ca, timeout_s) if secure else socket.create_connection((host, port), timeout_s)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connected


def _secured(host: str, port: int, ca: str, timeout_s: float) -> ssl.SSLSocket:
    deadline_s = time.monotonic() + timeout_s
    failure: OSError | None = None
    for ceiling in _CEILINGS:
        connected = socket.create_connection((host, port), max(LEAST_TIME_S, deadline_s - time.monotonic()))
        try:
            connected.settimeout(max(LEAST_TIME_S, deadline_s - time.monotonic()))
            limited = context(ca)
            limited.maximum_version = ceiling
            secured = limited.wrap_socket(connected, server_hostname=host.partition("%")[0])
        except ssl.SSLCertVerificationError:
            connected.close()
            raise
        except (ssl.SSLError, ConnectionError) as exc:
            connected.close()
            failure = failure or exc
        except (OSError, ValueError):
            connected.close()
            raise
        else:
            if weak := weaknesses(secured):
                log.info("the camera uses old TLS: %s", ", ".join(weak))
            return secured
    raise failure or TimeoutError


def weaknesses(secured: ssl.SSLSocket) -> list[str]:
    """Return what is out of date about a connection, in words for the log."""
    found = []
    version, cipher = secured.version() or "", (secured.cipher() or ("",))[0]
    if version not in ("TLSv1.2", "TLSv1.3"):
        found.append(version)
    if not cipher.startswith(_FORWARD_SECRET):
        found.append(f"no forward secrecy ({cipher})")
    certificate = secured.getpeercert(binary_form=True) or b""
    bits = _rsa_bits(certificate)
    if 0 < bits < LEAST_RSA_BITS:
        found.append(f"an RSA key of {bits} bits")
    found += [f"a certificate signed with {name}" for oid, name in _OLD_SIGNATURES.items() if oid in certificate]
    return found


def _rsa_bits(certificate: bytes) -> int:
    """Return the size of the certificate's RSA key, or 0 if it has another kind of key."""
    found = _RSA_KEY.search(certificate)
    if found is None:
        return 0
    length = found["length"]
    size = length[0] if length[0] < 0x80 else int.from_bytes(length[1:], "big")
    return int.from_bytes(certificate[found.end() : found.end() + size], "big").bit_length()

import base64

import pytest

from producer.rtsp import authentication
from producer.rtsp.authentication import Credentials, best

MUFASA = Credentials("Mufasa", "Circle of Life")
OF_RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616(monkeypatch, algorithm, response):
    """Section 3.9.1, both hashes."""
    monkeypatch.setattr(authentication.secrets, "token_hex", lambda _: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    challenge = best([OF_RFC_7616.format(algorithm=algorithm)])
    assert challenge is not None

    answer = challenge.answer(MUFASA, "GET", "/dir/index.html")

    assert f'response="{response}"' in answer
    assert "nc=00000001" in answer
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in answer


def test_without_quality_of_protection_it_is_as_in_rfc_2069():
    """Most cameras give neither `qop` nor `algorithm`; the response is then MD5 of A1, nonce and A2."""
    challenge = best(['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'])
    assert challenge is not None

    answer = challenge.answer(Credentials("Mufasa", "CircleOfLife"), "GET", "/dir/index.html")

    # As RFC 2617 defines it, worked out by hand: md5(md5(A1):nonce:md5(A2)).
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in answer
    assert "qop" not in answer
    assert "cnonce" not in answer


def test_the_strongest_challenge_is_answered():
    """Several in several headers, or several in one; one that nobody knows does not count."""
    basic, md5, sha = (
        'Basic realm="a, b"',
        'Digest realm="x", nonce="1"',
        'Digest realm="x", nonce="2", algorithm=SHA-256',
    )

    for headers in ([basic, md5, sha], [f"{sha}, {md5}, {basic}"], [md5, f"{basic}, {sha}"]):
        challenge = best(headers)
        assert challenge is not None
        assert challenge.algorithm == "SHA-256"
        assert challenge.values["nonce"] == "2"
    assert best(['Digest realm="x", nonce="1", algorithm=WHIRLPOOL', "Negotiate"]) is None
    assert best([]) is None


def test_quotes_in_what_is_quoted():
    """Quotation marks and backslashes in realm and user name are escaped; the realm goes back as it came."""
    challenge = best([r'Digest realm="a \"good\" camera", nonce="1"'])
    assert challenge is not None

    answer = challenge.answer(Credentials('me"\\', "x"), "DESCRIBE", "rtsp://camera/")

    assert r'realm="a \"good\" camera"' in answer
    assert r'username="me\"\\"' in answer


def test_basic_is_utf_8():
    """RFC 7617, section 2.1, as every camera of today reads it."""
    challenge = best(['Basic realm="camera"'])
    assert challenge is not None

    assert base64.b64decode(challenge.answer(Credentials("ü", "p:ß"), "PLAY", "x").split()[1]).decode() == "ü:p:ß"


def test_a_stale_nonce_is_no_refusal():
    """`stale=TRUE` says that only the nonce was too old."""
    for text, stale in (("true", True), ("TRUE", True), ("false", False)):
        challenge = best([f'Digest realm="x", nonce="1", stale={text}'])
        assert challenge is not None
        assert challenge.stale is stale

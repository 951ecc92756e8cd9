import base64
import hashlib
import re
import secrets

import pytest

from producer.rtsp.authentication import Credentials, strongest

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
def test_the_example_of_rfc_7616(monkeypatch: pytest.MonkeyPatch, algorithm: str, response: str) -> None:
    """Section 3.9.1, both hashes."""
    monkeypatch.setattr(secrets, "token_hex", lambda _: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    challenge = strongest([OF_RFC_7616.format(algorithm=algorithm)])
    assert challenge is not None

    answer = challenge.authorization(MUFASA, "GET", "/dir/index.html")

    assert f'response="{response}"' in answer
    assert "nc=00000001" in answer
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in answer


def test_without_quality_of_protection_it_is_as_in_rfc_2069() -> None:
    """Most cameras give neither `qop` nor `algorithm`; the response is then MD5 of A1, nonce and A2."""
    challenge = strongest(['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'])
    assert challenge is not None

    answer = challenge.authorization(Credentials("Mufasa", "CircleOfLife"), "GET", "/dir/index.html")

    # As RFC 2617 defines it, worked out by hand: md5(md5(A1):nonce:md5(A2)).
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in answer
    assert "qop" not in answer
    assert "cnonce" not in answer


def test_the_strongest_challenge_is_answered() -> None:
    """Several in several headers, or several in one; one that is unknown does not count."""
    basic, md5, sha = (
        'Basic realm="a, b"',
        'Digest realm="x", nonce="1"',
        'Digest realm="x", nonce="2", algorithm=SHA-256',
    )

    for headers in ([basic, md5, sha], [f"{sha}, {md5}, {basic}"], [md5, f"{basic}, {sha}"]):
        challenge = strongest(headers)
        assert challenge is not None
        assert challenge.algorithm == "SHA-256"
        assert challenge.values["nonce"] == "2"
    assert strongest(['Digest realm="x", nonce="1", algorithm=WHIRLPOOL', "Negotiate"]) is None
    assert strongest([]) is None


def test_quotes_in_what_is_quoted() -> None:
    """Quotation marks and backslashes in realm and user name are escaped; the realm goes back as it came."""
    challenge = strongest([r'Digest realm="a \"good\" camera", nonce="1"'])
    assert challenge is not None

    answer = challenge.authorization(Credentials('me"\\', "x"), "DESCRIBE", "rtsp://camera/")

    assert r'realm="a \"good\" camera"' in answer
    assert r'username="me\"\\"' in answer


def test_basic_is_utf_8() -> None:
    """RFC 7617, section 2.1, as every camera of today reads it."""
    challenge = strongest(['Basic realm="camera"'])
    assert challenge is not None

    assert (
        base64.b64decode(challenge.authorization(Credentials("ü", "p:ß"), "PLAY", "x").split()[1]).decode() == "ü:p:ß"
    )


def test_a_stale_nonce_is_not_a_refusal() -> None:
    """`stale=TRUE` says that only the nonce was too old."""
    for text, stale in (("true", True), ("TRUE", True), ("false", False)):
        challenge = strongest([f'Digest realm="x", nonce="1", stale={text}'])
        assert challenge is not None
        assert challenge.stale is stale


@pytest.mark.parametrize(
    "headers",
    [
        ["Basic"],
        ["basic"],
        ["BASIC realm=unquoted"],
        ["Negotiate", 'Basic charset="UTF-8"'],
        ['Basic realm="never closed'],
        ["Basic , "],
        ['Digest realm="x", nonce="1", algorithm=WHIRLPOOL, Basic realm="y"'],
    ],
)
def test_basic_in_odd_forms(headers: list[str]) -> None:
    """Without a realm, unquoted, not closed, beside what is unknown."""
    challenge = strongest(headers)

    assert challenge is not None
    assert challenge.authorization(Credentials("me", "secret"), "PLAY", "x") == "Basic bWU6c2VjcmV0"


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("parameters", "quality"),
    [
        ("", ""),
        (", algorithm=", ""),
        (", algorithm=md5", ""),
        (', algorithm="MD5", qop=""', ""),
        (', qop="token"', ""),
        (", qop=auth", "auth"),
        (', qop="auth-int,auth"', "auth"),
        (', qop="auth-int"', "auth-int"),
        (', domain="/", qop = "AUTH" ', "auth"),
    ],
)
def test_digest_in_odd_forms(parameters: str, quality: str) -> None:
    """The response is right whatever the camera says about algorithm and quality of protection."""
    challenge = strongest([f'Digest realm="r",nonce=n{parameters}'])
    assert challenge is not None

    answer = challenge.authorization(Credentials("me", "secret"), "PLAY", "rtsp://camera/")

    found = re.search(r'cnonce="(\w+)"', answer)
    second = md5("PLAY:rtsp://camera/" + (f":{md5('')}" if quality == "auth-int" else ""))
    middle = f"n:00000001:{found[1]}:{quality}" if found else "n"
    assert bool(found) is bool(quality)
    assert f'response="{md5(":".join((md5("me:r:secret"), middle, second)))}"' in answer


def test_sha_256_with_a_session_and_an_odd_name() -> None:
    """The session's hash is worked out with both nonces (RFC 7616, section 3.4.2)."""
    challenge = strongest(['Digest realm="r", nonce="n", algorithm=SHA256-sess, qop=auth'])
    assert challenge is not None

    answer = challenge.authorization(Credentials("me", "secret"), "PLAY", "x")

    found = re.search(r'cnonce="(\w+)"', answer)
    assert found is not None

    def sha(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    first = sha(f"{sha('me:r:secret')}:n:{found[1]}")
    assert f'response="{sha(f"{first}:n:00000001:{found[1]}:auth:" + sha("PLAY:x"))}"' in answer


@pytest.mark.timeout(20)
def test_a_hostile_challenge_takes_no_long_time() -> None:
    """Quotation marks, blanks and backslashes by the thousand are read in linear time."""
    for part in ('a\\"', " ", "\\", '"', "a=", ",", "a "):
        strongest([f'Digest realm="{part * 100_000}", nonce="1"', f"Basic {part * 100_000}"])

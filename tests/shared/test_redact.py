import doctest
import time

import pytest

import shared.redact
from shared.redact import link_secrets, redact, redact_secrets

PASSWORDS = [
    "p@ss",
    "a:b",
    "sl/ash",
    "per%cent",
    "per%20cent",
    "quest?ion",
    "ha#sh",
    "it's",
    'quo"te',
    "a@b/c?d#e:f",
    "<x>",
]
WITH_BLANKS = ["my secret", "two blanks here", "a@ b", " "]


def test_the_examples_hold() -> None:
    """The documentation of the functions is true."""
    assert doctest.testmod(shared.redact).failed == 0


@pytest.mark.parametrize("password", PASSWORDS + WITH_BLANKS)
def test_a_password_disappears_whatever_it_holds(password: str) -> None:
    """User name and password go, the place stays, also in the middle of an error text."""
    text = f"Error opening rtsp://user:{password}@10.0.0.7:554/h264: timed out"

    assert redact(text) == "Error opening rtsp://***@10.0.0.7:554/h264: timed out"


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_query_disappears_too(password: str) -> None:
    """Tokens in a query go with it."""
    shown = redact(f"http://user:{password}@cam/mjpg?token={password}&channel=1")

    assert password not in shown
    assert "channel" not in shown
    assert "user" not in shown


@pytest.mark.parametrize("separator", "&;_")
def test_pairs_in_the_path_are_hidden_as_a_query_is(separator: str) -> None:
    """XiongMai's cameras take name and password there."""
    link = "rtsp://10.0.0.7:554/" + separator.join(("user=admin", "password=tlJwpbo6", "channel=1", "stream=0.sdp"))

    assert redact(f"cannot open {link}: refused") == "cannot open rtsp://10.0.0.7:554/***: refused"
    assert redact_secrets("no stream tlJwpbo6 here", link_secrets(link)) == "no stream *** here"


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a://",
        "a:// ",
        "a://@",
        "a:// @ ",
        "?a",
        "a://?a=",
        "://",
        "a://b=",
        "a://x @",
        "a://x:y z@",
        "@",
        " ",
        "=",
    ],
)
def test_the_time_grows_with_the_length_and_no_faster(piece: str) -> None:
    """Texts of others may be made to take long; twice as much takes about twice as long."""

    def seconds(length: int) -> float:
        text = "x://" + piece * (length // len(piece))
        began = time.process_time()
        redact(text)
        return time.process_time() - began

    seconds(1000)

    assert seconds(800_000) < 10 * max(seconds(200_000), 0.01)


def test_every_link_of_a_text_is_redacted() -> None:
    """Several links in one text each lose their secrets."""
    text = "tried 'rtsp://a:one@h1/x', http://b:two@h2/y?t=three and rtsp://h3/z."

    assert redact(text) == "tried 'rtsp://***@h1/x', http://***@h2/y?*** and rtsp://h3/z."


def test_links_without_a_blank_between_lose_more_rather_than_less() -> None:
    """In a list joined by commas no password is left."""
    shown = redact("rtsp://a:one@h1/x,rtsp://b:two@h2/y")

    assert "one" not in shown
    assert "two" not in shown


@pytest.mark.parametrize("text", ["", "no link", "me@example.org", "a/b?c=d", "http://host:8080/path", "x://"])
def test_a_text_without_secrets_is_left_as_it_is(text: str) -> None:
    """Only links are touched."""
    assert redact(text) == text


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("rtsp://me:p%40ss@h/x", "cannot log in as me with p@ss"),
        ("rtsp://me:p@ss@h/x", "bad host 'ss@h', password p@ss"),
        ("http://h/x?token=sesame1", "sesame1 expired"),
        ("http://me:pw@h/x?token=sesame1", "token=sesame1 expired"),
        ("rtsp://me:a/b?c@h/x", "no host: me:a/b?c"),
    ],
)
def test_secrets_of_a_link_are_found_in_foreign_words(link: str, said: str) -> None:
    """Libraries quote parts of a link in their own way; the parts are known and taken out."""
    shown = redact_secrets(said, link_secrets(link))

    assert "***" in shown
    assert not any(secret in shown for secret in ("p@ss", "sesame1", "a/b?c"))


@pytest.mark.parametrize("link", ["", "/dev/video0", "C:\\clip.mp4", "rtsp://[bad/x", "rtsp://host/path"])
def test_what_holds_no_secrets_gives_none(link: str) -> None:
    """Paths and plain links have nothing to hide, and broken ones raise nothing."""
    assert link_secrets(link) == []


def test_a_short_value_of_a_query_is_not_looked_for() -> None:
    """`channel=1` must not turn every 1 of a text into asterisks."""
    assert redact_secrets("11 frames", link_secrets("http://h/x?channel=1")) == "11 frames"

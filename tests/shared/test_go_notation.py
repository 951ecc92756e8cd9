import pytest

from shared.go_notation import Address, format_duration, parse_address, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("42ms", 0.042),
        ("1m30s", 90.0),
        ("1h2m3.5s", 3723.5),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("1.s", 1.0),
        ("+5s", 5.0),
        ("0", 0.0),
        ("-0", 0.0),
        ("0s", 0.0),
        (" 10ms ", 0.01),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("250μs", 0.00025),
        ("1ns", 1e-9),
        ("2s1s", 3.0),
    ],
)
def test_a_go_duration_is_read(text: str, seconds: float) -> None:
    """All that Go's time.ParseDuration takes means the same here, but for negative ones."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "42", "ms", "-1s", "1 s", "1S", "1d", "s", ".s", "1m30", "42ms,", "1e3s", "٤٢ms", "9" * 400 + "s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Go refuses these too; a number without a unit is ambiguous."""
    with pytest.raises(ValueError, match="Go duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.042, "42ms"), (90.0, "1m30s"), (0.0, "0"), (5.0, "5s"), (1.5, "1.5s"), (3600.0, "1h"), (60.0, "1m")],
)
def test_a_duration_is_written_as_people_write_it(seconds: float, text: str) -> None:
    """The settings table shows what one would type."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize("seconds", [1e-9, 0.1234567, 0.000_25, 59.9999999, 12345678.9, 3661.000_000_001])
def test_a_written_duration_reads_back_the_same(seconds: float) -> None:
    """Nothing is lost down to the nanosecond."""
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":8080", Address("", 8080)),
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("localhost:0", Address("localhost", 0)),
        ("[::1]:80", Address("::1", 80)),
        (" :65535 ", Address("", 65535)),
    ],
)
def test_a_go_address_is_read_and_written(text: str, address: Address) -> None:
    """Host and port come out, and the address prints as it was written."""
    assert parse_address(text) == address
    assert str(address) == text.strip()


@pytest.mark.parametrize("text", ["", "8080", ":", ":65536", ":-1", "::1:80", ":٨٠", "host", ":80a", ":" + "9" * 5000])
def test_what_is_no_address_is_refused(text: str) -> None:
    """A port must be there and be a port; an IPv6 address needs its brackets."""
    with pytest.raises(ValueError, match="Go address"):
        parse_address(text)

"""JSON with the messages of RapidJSON and the numbers of TensorFlow Serving's WriteDecimal."""

import math
import time

import numpy as np
import pytest

from tfserving.errors import Code, StatusError
from tfserving.standin.jsontext import MAX_CONTAINERS, MAX_SHOWN, MAX_VALUES, decimals, error_body, parse_object, pretty


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The document is empty"),
        (b"  ", "The document is empty. at offset: 2"),
        (b"{", "Missing a name for object member. at offset: 1"),
        (b'{"a"', "Missing a colon after a name of object member. at offset: 4"),
        (b'{"a":', "Invalid value. at offset: 5"),
        (b'{"a":1', "Missing a comma or } after an object member. at offset: 6"),
        (b'{"a":[1 2]}', "Missing a comma or ] after an array element. at offset: 8"),
        (b'{"a":nul}', "Invalid value. at offset: 8"),
        (b'{"a":1.}', "Miss fraction part in number. at offset: 7"),
        (b'{"a":1e}', "Miss exponent in number. at offset: 7"),
        (b'{"a":"b', "Missing a closing quotation mark in string. at offset: 7"),
        (b'{"a":"\\x"}', "Invalid escape character in string. at offset: 6"),
        (b'{"a":"\\u12g4"}', "Incorrect hex digit after \\u escape in string. at offset: 6"),
        (b'{"a":"b\nc"}', "Invalid encoding in string. at offset: 7"),
        (b"{} {}", "The document root must not be followed by other values. at offset: 3"),
        ('{"ü" 1}'.encode(), "Missing a colon after a name of object member. at offset: 6"),
        (b'{"\xff" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b'\xef\xbb\xbf{"a"', "Missing a colon after a name of object member. at offset: 7"),
        (b'{"a":1e999}', "Number too big to be stored in double. at offset: 5"),
        (b'{"a":"\\ud800"}', "The surrogate pair in string is invalid. at offset: 6"),
    ],
)
def test_a_mistake_gets_the_parsers_message_and_its_place_in_bytes(body: bytes, message: str) -> None:
    """The client reads what RapidJSON says, and where."""
    with pytest.raises(StatusError) as caught:
        parse_object(body)

    assert caught.value.message == f"JSON Parse error: {message}"


def test_only_an_object_is_a_request() -> None:
    """Other JSON is quoted in the message."""
    with pytest.raises(StatusError) as caught:
        parse_object(b"[1]")

    assert caught.value.message == "JSON Value: [\n    1\n] Is not object"


def test_nan_and_infinity_are_numbers() -> None:
    """TensorFlow Serving sets kParseNanAndInfFlag."""
    parsed = parse_object(b'{"a": [NaN, Infinity, -Infinity]}')["a"]

    assert math.isnan(parsed[0])
    assert parsed[1:] == [math.inf, -math.inf]


def test_strings_need_not_be_utf_8() -> None:
    """RapidJSON does not look at the encoding; the bytes are kept."""
    assert parse_object(b'\xef\xbb\xbf{"a": "\xff"}') == {"a": "\udcff"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances":[' + b"[]," * MAX_CONTAINERS + b"[]]}",
        b'{"instances":[' + b"{}," * MAX_CONTAINERS + b"}",
        b'{"instances":[' + b"1," * MAX_VALUES + b"1]}",
        b"[" * 60_000_000,
    ],
)
def test_a_body_that_takes_seconds_to_parse_is_refused(body: bytes) -> None:
    """The parser holds the interpreter's lock, so that every other request would wait."""
    with pytest.raises(StatusError) as caught:
        parse_object(body)

    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    assert "more than" in caught.value.message


def test_the_offset_of_a_mistake_costs_no_more_than_parsing() -> None:
    """A mistake at the end of a megabyte is found by the parser itself."""
    good = b'{"instances":[' + b"1.5," * 250_000 + b"1]}"
    began = time.process_time()
    parse_object(good)
    parsing_s = time.process_time() - began

    began = time.process_time()
    with pytest.raises(StatusError, match=r"Missing a comma or \] after an array element\. at offset: 1000015"):
        parse_object(good[:-2] + b"}")

    assert time.process_time() - began < 20 * parsing_s


def test_a_large_value_is_quoted_in_part() -> None:
    """An error message of 20 MB would take seconds to write, and to send."""
    assert pretty(list(range(1_000_000))).startswith("[\n    0,\n    1,")
    assert len(pretty(list(range(1_000_000)))) <= MAX_SHOWN + 3
    assert len(pretty("x" * 1_000_000)) <= MAX_SHOWN + 3


def test_deep_nesting_gets_an_answer() -> None:
    """A body of brackets must not end the server."""
    with pytest.raises(StatusError):
        parse_object(b'{"a":' + b"[" * 900_000)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0.0"),
        (1.0, "1.0"),
        (0.2, "0.2"),
        (2.5, "2.5"),
        (0.1234567, "0.123456702"),
        (9000000.0, "9e+06"),
        (0.00003, "3e-05"),
        (16777216.0, "16777216.0"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (-0.0, "-0.0"),
    ],
)
def test_a_float_is_short_if_that_is_exact(number: float, text: str) -> None:
    """Six digits, or nine where six are read back as another number; a whole number gets `.0`."""
    assert decimals(np.array([number], np.float32)) == [text]


def test_written_floats_are_read_back_unchanged() -> None:
    """No bit of a model's output is lost."""
    numbers = np.random.default_rng(1).random(2000).astype(np.float32) ** 8

    assert np.array_equal(np.array(decimals(numbers), np.float32), numbers)


def test_doubles_have_seventeen_digits_at_most() -> None:
    """max_digits10 of a double."""
    assert decimals(np.array([1 / 3, 0.5])) == ["0.33333333333333331", "0.5"]


def test_a_value_in_a_message_has_the_layout_of_the_real_server() -> None:
    """Four blanks per level; a lone number is a float."""
    assert pretty({"a": [1, "ü"]}) == '{\n    "a": [\n        1,\n        "ü"\n    ]\n}'
    assert pretty(1.5) == "1.5"
    assert pretty(True) == "true"


def test_an_error_body_is_an_object_with_the_message() -> None:
    """`MakeJsonFromStatus`: four blanks, no newline at the end, quotes escaped."""
    assert error_body('a "b"\n\t') == b'{\n    "error": "a \\"b\\"\\n\\t"\n}'

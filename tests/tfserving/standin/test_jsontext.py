"""JSON as RapidJSON and TensorFlow Serving's WriteDecimal have it."""

import math

import numpy as np
import pytest

from tfserving.errors import StatusError
from tfserving.standin.jsontext import decimals, error_body, parse_object, pretty


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
    ],
)
def test_a_mistake_gets_the_parsers_message_and_its_place_in_bytes(body: bytes, message: str) -> None:
    """What RapidJSON says of it, and where, is what the client reads."""
    with pytest.raises(StatusError) as caught:
        parse_object(body)

    assert caught.value.message == f"JSON Parse error: {message}"


def test_only_an_object_is_a_request() -> None:
    """A body that is JSON but no object is shown back."""
    with pytest.raises(StatusError) as caught:
        parse_object(b"[1]")

    assert caught.value.message == "JSON Value: [\n    1\n] Is not object"


def test_nan_and_infinity_are_numbers() -> None:
    """kParseNanAndInfFlag is set over there."""
    parsed = parse_object(b'{"a": [NaN, Infinity, -Infinity]}')["a"]

    assert math.isnan(parsed[0])
    assert parsed[1:] == [math.inf, -math.inf]


def test_deep_nesting_is_an_answer_and_not_a_crash() -> None:
    """A body of brackets must not take the server down."""
    with pytest.raises(StatusError):
        parse_object(b'{"a":' + b"[" * 1_000_000)


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
def test_a_float_is_written_shortly_if_that_says_it_all(number: float, text: str) -> None:
    """Six digits, or nine where six do not read back as the same number; a whole number gets its `.0`."""
    assert decimals(np.array([number], np.float32)) == [text]


def test_written_floats_read_back_as_the_same() -> None:
    """Not a bit of a model's output is lost on the way."""
    numbers = np.random.default_rng(1).random(2000).astype(np.float32) ** 8

    assert np.array_equal(np.array(decimals(numbers), np.float32), numbers)


def test_doubles_have_seventeen_digits_at_most() -> None:
    """max_digits10 of a double."""
    assert decimals(np.array([1 / 3, 0.5])) == ["0.33333333333333331", "0.5"]


def test_a_value_in_a_message_is_laid_out_as_there() -> None:
    """Four blanks per level; a lone number is a float."""
    assert pretty({"a": [1, "ü"]}) == '{\n    "a": [\n        1,\n        "ü"\n    ]\n}'
    assert pretty(1.5) == "1.5"
    assert pretty(True) == "true"


def test_an_error_body_is_an_object_with_the_message() -> None:
    """`MakeJsonFromStatus`: four blanks, no newline at the end, quotes escaped."""
    assert error_body('a "b"\n\t') == b'{\n    "error": "a \\"b\\"\\n\\t"\n}'

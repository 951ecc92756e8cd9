"""The text of documents becomes values, with the line of each; whatever is in it, in bounded time and memory."""

import json
import math
import time

import pytest

from shared import located
from shared.errors import DocumentError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: true\nb: FALSE", {"a": True, "b": False}),
        ("a: no\nb: on\nc: y", {"a": "no", "b": "on", "c": "y"}),
        ("a: 12:30\nb: 2026-11-30", {"a": "12:30", "b": "2026-11-30"}),
        ("a: 010\nb: 0o10\nc: 0x1F\nd: -7\ne: 1_000", {"a": 10, "b": 8, "c": 31, "d": -7, "e": "1_000"}),
        ("a: 1.5\nb: .5\nc: 1e3\nd: 1.", {"a": 1.5, "b": 0.5, "c": 1000.0, "d": 1.0}),
        ("a: .inf\nb: -.INF", {"a": math.inf, "b": -math.inf}),
        ("a: '1'\nb: \"true\"\nc: ''", {"a": "1", "b": "true", "c": ""}),
        ("0: person\n1.5: x\ntrue: y\n~: z", {"0": "person", "1.5": "x", "true": "y", "~": "z"}),
        ("- a\n- [b, {c: d}]", ["a", ["b", {"c": "d"}]]),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: !!str 1", {"a": "1"}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("\ufeffa: 1", {"a": 1}),
        ("# only a comment\n---\na: 1\n...\n", {"a": 1}),
        ('{\n\t"a": "\\ud83d\\ude00",\n\t"b": [1, 2.5, null, true]\n}', {"a": "😀", "b": [1, 2.5, None, True]}),
        ("{a: b, c: [1]}", {"a": "b", "c": [1]}),
        ("a: 猫 é", {"a": "猫 é"}),
        ("a: " + "9" * 31, {"a": "9" * 31}),
    ],
)
def test_values(text: str, value: object) -> None:
    assert located.read(text).value == value


def test_lines() -> None:
    found = located.read(
        "cameras:\n  front:\n    source: x\n\n    masks:\n      - [0, 1]\n  back: {source: y,\n    title: z}\n"
    )
    assert found.line(("cameras",)) == 1
    assert found.line(("cameras", "front", "source")) == 3
    assert found.line(("cameras", "front", "masks", 0, 1)) == 6
    assert found.line(("cameras", "back", "title")) == 8
    assert found.line(("cameras", "front", "absent")) == 2


def test_lines_of_json() -> None:
    text = json.dumps({"cameras": {"front": {"source": "x"}}}, indent="\t")
    assert located.read(text).line(("cameras", "front", "source")) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' stands twice"),
        ('{"a": 1,\n "a": 2}', "line 2: the key 'a' stands twice"),
        ("a: 1\n---\nb: 2", "line 2: a second document"),
        ("a: !!python/object:os.system x", "line 1: the tag"),
        ("a: !!set {b}", "line 1: the tag"),
        ("a: *nothing", "line 1: the alias *nothing"),
        ("a:\n  - b\n c: d", "line 3: not YAML"),
        ("a: [1, 2", "not YAML: "),
        ("? [a, b]\n: c", "line 1: a list, a mapping or an alias"),
        ("a: \x00", "not YAML"),
        ("\ta: 1", "line 1: not YAML"),
        ("a: &x [*x]", "line 1: the alias *x"),
    ],
)
def test_mistakes_name_the_line(text: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        located.read(text)
    assert message in caught.value.mistakes[0]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a: " + "[" * 100_000,
        "{" + '"a": {' * 50_000,
        "\n".join("  " * depth + "a:" for depth in range(200)),
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)),
        "- x\n" * 500_000,
        "x" * 2_000_001,
        '{"a": [' + "1," * 400_000 + "1]}",
    ],
    ids=["lists", "lists in a mapping", "JSON", "mappings", "aliases", "values", "characters", "JSON values"],
)
def test_bounds(text: str) -> None:
    began = time.process_time()
    with pytest.raises(DocumentError):
        located.read(text)
    assert time.process_time() - began < 20  # without bounds, minutes and gigabytes

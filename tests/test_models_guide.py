"""The examples of docs/models.md are documents that the consumer accepts."""

import re
from pathlib import Path
from textwrap import dedent
from typing import Any, get_args

import pytest

from consumer.labels import PACKAGED
from consumer.model_spec import CropsSpec, InputSpec, ModelEntry, OutputSpec
from consumer.models_document import ModelsDocument
from shared.document import parse_document

GUIDE = Path(__file__).parents[1] / "docs" / "models.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_models_document(example: str) -> None:
    """Line by line as it stands in the guide."""
    assert parse_document(dedent(example), ModelsDocument).specs()


def test_the_guide_has_every_key() -> None:
    """One row each; the long example uses all of them."""
    text = GUIDE.read_text(encoding="utf-8")
    for model in (ModelEntry, InputSpec):
        for key in model.model_fields:
            assert re.search(rf"^\| .*`{key}`.* \|", text, flags=re.MULTILINE), f"{key} has no row"
    example = max(EXAMPLES, key=len)
    for part in (ModelEntry, InputSpec, OutputSpec, CropsSpec):
        missing = [key for key in part.model_fields if f"{key}:" not in example]
        assert not missing, f"not in the example: {missing}"


def test_the_guide_names_every_choice() -> None:
    """Of the keys that have a few allowed values, and of the packaged labels."""
    text = GUIDE.read_text(encoding="utf-8")
    choices: list[Any] = [*PACKAGED]
    for model in (ModelEntry, InputSpec, OutputSpec):
        for field in model.model_fields.values():
            choices += _choices(field.annotation)
    assert choices
    for choice in choices:
        assert f"`{choice}`" in text, choice


def _choices(annotation: Any) -> list[str]:
    found = [one for one in get_args(annotation) if isinstance(one, str)]
    return found + [choice for one in get_args(annotation) if not isinstance(one, str) for choice in _choices(one)]

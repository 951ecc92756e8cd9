"""The models document as a whole (docs/models.md): names that refer to other models exist, and depend on no circle."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from consumer.model_spec import ModelEntry, ModelSpec, Name, Part, named
from shared.reports import MAX_MODELS


class ModelsDocument(Part):
    """A models document: the models by name, in the order in which they are shown."""

    models: Annotated[dict[Name, ModelEntry], Field(max_length=MAX_MODELS)]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        mistakes = list(_mistaken_names(self.models))
        if mistakes:  # each with its place, so that its line can be named
            raise ValidationError.from_exception_data(type(self).__name__, mistakes, hide_input=True)
        return self

    def specs(self) -> dict[str, ModelSpec]:
        """Return the models by name."""
        return {name: named(name, entry) for name, entry in self.models.items()}


def in_order(models: Mapping[str, ModelEntry]) -> list[str]:
    """Return the names so that a model comes after the one whose boxes it looks at; there must be no circle."""

    def depth(name: str) -> int:
        of = _crops_of(models, name)
        return 0 if of is None else 1 + depth(of)

    return sorted(models, key=depth)


def _mistaken_names(models: Mapping[str, ModelEntry]) -> Iterator[InitErrorDetails]:
    for name, model in models.items():
        others = f"allowed: {', '.join(sorted(models.keys() - {name})) or 'nothing, there is no other model'}"
        of = model.crops.of if model.crops else None
        if of is not None and of not in models.keys() - {name}:
            yield _mistake(("models", name, "crops", "of"), of, others)
        if model.compare_with is not None and model.compare_with not in models.keys() - {name}:
            yield _mistake(("models", name, "compare_with"), model.compare_with, others)
    in_a_circle = _in_a_circle(models)
    if in_a_circle:
        place = ("models", in_a_circle[0], "crops", "of")
        said = f"the crops of {', '.join(in_a_circle)} depend on each other; allowed: a model that needs none of them"
        yield _mistake(place, _crops_of(models, in_a_circle[0]), said)


def _in_a_circle(models: Mapping[str, ModelEntry]) -> list[str]:
    """Return the models whose crops depend on themselves."""
    found = []
    for name in models:
        of, seen = _crops_of(models, name), set[str]()
        while of is not None and of not in seen:
            seen.add(of)
            of = _crops_of(models, of)
        if name in seen:
            found.append(name)
    return sorted(found)


def _crops_of(models: Mapping[str, ModelEntry], name: str) -> str | None:
    model = models.get(name)
    return model.crops.of if model is not None and model.crops is not None else None


def _mistake(place: tuple[str, ...], came: object, message: str) -> InitErrorDetails:
    return {"type": PydanticCustomError("names", "{message}", {"message": message}), "loc": place, "input": came}

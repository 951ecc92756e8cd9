"""Real models, exported once per session, and one server for all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.models import efficientnet_lite0
from tests.tfserving.saved_models import WRITERS, half_plus
from tests.tfserving.serving import Client, running, wait_until_served
from tfserving.runtime import load_tensorflow


@pytest.fixture(scope="session")
def tf() -> Any:
    return load_tensorflow()


@pytest.fixture(scope="session")
def saved_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base path for each small model, each with version 1."""
    folder = tmp_path_factory.mktemp("models")
    for name, write in WRITERS.items():
        write(folder / name / "1")
    return folder


@pytest.fixture(scope="session")
def write_version() -> Callable[[Path, int, float], None]:
    """Write a version of the model y = x / 2 + offset with a given offset."""

    def write(base: Path, version: int, offset: float) -> None:
        half_plus(base / str(version), offset)

    return write


@pytest.fixture(scope="session")
def efficientnet() -> Path:
    return efficientnet_lite0()


@pytest.fixture(scope="session")
def client(saved_models: Path, efficientnet: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One server for all models; tests do not change it."""
    bases = {name: saved_models / name for name in WRITERS} | {"tfModel": efficientnet}
    entries = "".join(
        f'  config {{ name: "{name}" base_path: "{base}" model_platform: "tensorflow" '
        'version_labels { key: "stable" value: 1 } version_labels { key: "gone" value: 9 } }\n'
        for name, base in bases.items()
    )
    config = tmp_path_factory.mktemp("config") / "models.config"
    config.write_text(f"model_config_list {{\n{entries}}}\n")
    with running([f"--model_config_file={config}", "--allow_version_labels_for_unavailable_models"]) as found:
        for name in bases:
            wait_until_served(found, name)
        yield found

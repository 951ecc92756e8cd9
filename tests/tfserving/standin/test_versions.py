"""Hot reload: one version answers at any time."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tfserving.errors import Code, StatusError
from tfserving.standin.config import ModelConfig, VersionPolicy
from tfserving.standin.servable import Servable
from tfserving.standin.server import check_labels
from tfserving.standin.versions import Loaded, Models, Request, State

DEADLINE_S = 30
WriteVersion = Callable[[Path, int, float], None]
LATEST = Request("m")


def models(base: Path, policy: VersionPolicy = VersionPolicy(), **labels: int) -> Models:  # noqa: B008
    return Models([ModelConfig("m", base, policy, labels)], Servable)


def states(found: Models) -> dict[int, State]:
    return {status.version: status.state for status in found.statuses(LATEST)}


def offset(found: Models, request: Request = LATEST) -> float:
    """Ask y = x / 2 + offset for its offset."""
    answer = found.submit(request, "serving_default", {"x": np.zeros(1, np.float32)})
    return float(answer.result(DEADLINE_S)["y"][0])


def test_a_newer_version_takes_over_and_the_older_goes(tmp_path: Path, write_version: WriteVersion) -> None:
    """Once a folder with a higher number appears, that version answers and the other one has ended."""
    write_version(tmp_path, 1, 10)
    found = models(tmp_path)
    found.poll()
    assert offset(found) == 10

    write_version(tmp_path, 3, 30)
    found.poll()

    assert offset(found) == 30
    assert states(found) == {3: State.AVAILABLE, 1: State.END}
    with pytest.raises(StatusError, match=r"Servable not found for request: Specific\(m, 1\)"):
        found.find(Request("m", version=1))


def test_the_older_version_answers_while_the_newer_loads(tmp_path: Path, write_version: WriteVersion) -> None:
    """No version is unloaded before its successor is loaded and warm."""
    write_version(tmp_path, 1, 10)
    seen: list[tuple[dict[int, State], float]] = []

    def load(folder: Path) -> Loaded:
        if folder.name == "2":
            seen.append((states(found), offset(found)))
        return Servable(folder)

    found = Models([ModelConfig("m", tmp_path)], load)
    found.poll()
    write_version(tmp_path, 2, 20)
    found.poll()

    assert seen == [({2: State.LOADING, 1: State.AVAILABLE}, 10.0)]
    assert offset(found) == 20


def test_a_broken_version_leaves_the_older_one_serving(tmp_path: Path, write_version: WriteVersion) -> None:
    """Its status has the error; once the folder is repaired the version is loaded."""
    write_version(tmp_path, 1, 10)
    found = models(tmp_path)
    found.poll()

    (tmp_path / "2").mkdir()
    found.poll()
    found.poll()

    assert states(found) == {2: State.END, 1: State.AVAILABLE}
    error = found.statuses(Request("m", version=2))[0].error
    assert error is not None
    assert error.code is Code.NOT_FOUND
    assert error.message.startswith("Could not find SavedModel .pb or .pbtxt at supplied export directory path: ")
    assert offset(found) == 10

    write_version(tmp_path, 2, 20)
    found.poll()

    assert offset(found) == 20


@pytest.mark.parametrize("damage", ["garbage", "no variables"])
def test_a_damaged_version_has_an_error_in_its_status(tmp_path: Path, write_version: WriteVersion, damage: str) -> None:
    """The file is not a SavedModel, or the variables are missing."""
    write_version(tmp_path, 1, 10)
    if damage == "garbage":
        (tmp_path / "1" / "saved_model.pb").write_bytes(b"not a protocol buffer at all")
    else:
        shutil.rmtree(tmp_path / "1" / "variables")
    found = models(tmp_path)

    found.poll()

    (status,) = found.statuses(LATEST)
    assert status.state is State.END
    assert status.error is not None
    with pytest.raises(StatusError, match=r"Servable not found for request: Latest\(m\)"):
        found.find(LATEST)


def test_a_version_whose_folder_is_removed_is_unloaded(tmp_path: Path, write_version: WriteVersion) -> None:
    """The next lower version is loaded again; when none is left, nothing is served."""
    write_version(tmp_path, 1, 10)
    write_version(tmp_path, 2, 20)
    found = models(tmp_path)
    found.poll()
    assert offset(found) == 20

    shutil.rmtree(tmp_path / "2")
    found.poll()
    assert offset(found) == 10

    shutil.rmtree(tmp_path / "1")
    found.poll()
    assert states(found) == {2: State.END, 1: State.END}


def test_a_policy_can_keep_several_versions(tmp_path: Path, write_version: WriteVersion) -> None:
    """Each answers by its number, the highest without a number; a label stands for a number."""
    write_version(tmp_path, 1, 10)
    write_version(tmp_path, 2, 20)
    found = models(tmp_path, VersionPolicy(every=True), stable=1, next=3)

    found.poll()

    assert offset(found) == 20
    assert offset(found, Request("m", version=1)) == 10
    assert offset(found, Request("m", label="stable")) == 10
    with pytest.raises(StatusError, match=r"Servable not found for request: Specific\(m, 3\)"):
        found.find(Request("m", label="next"))
    with pytest.raises(StatusError, match="Unrecognized servable version label: other"):
        found.find(Request("m", label="other"))


def test_a_model_that_is_missing_at_the_start_is_loaded_later(tmp_path: Path, write_version: WriteVersion) -> None:
    """The base path may be empty or missing at the start."""
    found = models(tmp_path / "later")
    found.poll()
    with pytest.raises(StatusError, match="Could not find any versions of model m"):
        found.statuses(LATEST)

    write_version(tmp_path / "later", 1, 10)
    found.poll()

    assert offset(found) == 10


def test_every_request_is_answered_during_a_reload(tmp_path: Path, write_version: WriteVersion) -> None:
    """Each request is answered by one of the versions."""
    write_version(tmp_path, 1, 10)
    found = models(tmp_path)
    found.poll()
    stop = threading.Event()
    answers: list[float] = []

    def keep_asking() -> None:
        while not stop.is_set():
            answers.append(offset(found))

    thread = threading.Thread(target=keep_asking)
    thread.start()
    for version in (2, 3):
        write_version(tmp_path, version, version * 10)
        found.poll()
    stop.set()
    thread.join(DEADLINE_S)

    assert answers
    assert answers == sorted(answers)
    assert set(answers) <= {10, 20, 30}
    assert offset(found) == 30


def test_closing_unloads_everything(tmp_path: Path, write_version: WriteVersion) -> None:
    """Afterwards nothing is served, and all calls have ended."""
    write_version(tmp_path, 1, 10)
    found = models(tmp_path)
    found.poll()

    assert found.close(timeout_s=DEADLINE_S)

    with pytest.raises(StatusError, match="Servable not found"):
        found.find(LATEST)


def test_labels_at_the_start_are_refused_with_the_message_of_the_real_server(tmp_path: Path) -> None:
    """No version is available when the configuration is first read."""
    refusal = check_labels([ModelConfig("m", tmp_path, labels={"stable": 2})])

    assert str(refusal) == (
        "FAILED_PRECONDITION: Request to assign label to version 2 of model m, "
        "which is not currently available for inference"
    )
    assert check_labels([ModelConfig("m", tmp_path)]) is None

"""Reads the settings of the suite and of its services, then runs the suite."""

import os
import sys

from local import plan, wall
from local.console import Console
from local.errors import CannotStart
from local.services import SETTINGS, variables
from local.settings import LocalSettings
from local.suite import Suite
from shared.errors import SettingsError
from shared.settings import MISTAKEN


def main() -> int:
    """Run the suite; return the status to exit with."""
    os.umask(0o077)  # exported models and Kafka's data are for this user only
    try:
        return Suite(load_settings(), Console(), variables()).run()
    except SettingsError as exc:
        for mistake in exc.mistakes:
            sys.stderr.write(f"make run: {mistake}\n")
        return MISTAKEN
    except CannotStart as exc:
        sys.stderr.write(f"make run: {exc}\n")
        return 1


def load_settings() -> LocalSettings:
    """Read the suite's settings, and check those of the services before anything is started.

    Raises:
        SettingsError: with a line for each mistake, whichever program it concerns.
    """
    mistakes: list[str] = []
    try:
        settings = LocalSettings.load()
    except SettingsError as exc:
        mistakes += exc.mistakes
        settings = LocalSettings.model_construct()
    mistakes += _mistakes_of_services(settings)
    if mistakes:
        raise SettingsError(list(dict.fromkeys(mistakes)))
    return settings


def _mistakes_of_services(settings: LocalSettings) -> list[str]:
    mistakes: list[str] = []
    for service, kind in SETTINGS.items():
        overrides: dict[str, str] = {}
        if service == plan.PRODUCER and plan.shows_wall(settings, os.environ):
            overrides = {"VIDEOLINK": str(wall.FILMS[1].path())}  # any film: the wall's document is not written yet
        try:
            kind.load(**overrides)
        except SettingsError as exc:
            mistakes += exc.mistakes
    return mistakes

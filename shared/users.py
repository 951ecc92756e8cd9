"""Makes the users of a broker as a list declares: `python -m shared.users kafka/secured/users.toml --bootstrap …`.

Each user gets its password of PASSWORDS (SCRAM-SHA-512), if there is one, and may then do what the list says and
nothing else. It may run at any time and several times at once.
Status 0: all users are as declared; 1: the broker did not answer, or refused; 2: the list or an option is wrong.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from shared.bus import Bus, DeclaredUser, Users, Verb
from shared.declared import read_tables, run_command
from shared.errors import BusError, SettingsError
from shared.settings import TOPIC_FORM
from shared.topics import ANSWER_TIMEOUT_S, WAIT_S, properties

LEAST_PASSWORD = 16  # characters
_KEYS = {*get_args(Verb), "groups"}


def read_list(path: Path) -> list[DeclaredUser]:
    """Return the users that a TOML file declares, each as a table with `read`, `write`, `alter` and `groups`.

    Raises:
        SettingsError: the file cannot be read or contains something else; each line names the place.
    """
    return read_tables(path, _user)


def read_passwords(text: str, users: Sequence[DeclaredUser]) -> dict[str, str]:
    """Return the passwords in PASSWORDS by user.

    Args:
        text: a JSON object of passwords by user; empty: none.
        users: those that are declared.

    Raises:
        SettingsError: it is not such an object; no message quotes a password.
    """
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(password, str) for password in found.values()):
        raise SettingsError(["PASSWORDS: got ***; allowed: a JSON object of passwords by user"])
    mistakes = [
        f"PASSWORDS[{name}]: got {len(password)} characters; allowed: at least {LEAST_PASSWORD}"
        for name, password in found.items()
        if len(password) < LEAST_PASSWORD
    ]
    names = {user.name for user in users}
    mistakes += [
        f"PASSWORDS[{name}]: got the user {name!r}; allowed: those of the list" for name in found.keys() - names
    ]
    if mistakes:
        raise SettingsError(mistakes)
    return found


def apply_list(users: Sequence[DeclaredUser], passwords: dict[str, str], bus: Bus, *, wait_s: float) -> list[str]:
    """Wait for the broker, make the users as declared and return a line for each.

    Raises:
        BusError: no broker answered in that time, or one refused.
        SettingsError: librdkafka rejects a property of the bus.
    """
    admin, began = Users(bus), time.monotonic()
    while not admin.broker_answers(min(ANSWER_TIMEOUT_S, max(wait_s / 4, 0.1))):
        if time.monotonic() - began >= wait_s:
            raise BusError(f"no broker answered at {bus.servers} within {wait_s:g} s: {admin.refusal or 'silence'}")
        time.sleep(min(0.2, wait_s))
    lines = []
    for user in users:
        if user.name in passwords:
            admin.set_password(user.name, passwords[user.name])
        lines.append(f"{user.name}: {', '.join(admin.apply(user)) or 'as declared'}")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Apply a list; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m shared.users", description=__doc__.partition("\n\n")[0])
    parser.add_argument("list", type=Path, help="TOML file, such as kafka/secured/users.toml")
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT", help="brokers, separated by commas")
    parser.add_argument("--wait", type=float, default=WAIT_S, metavar="SECONDS", help="for the broker [%(default)g]")
    parser.epilog = (
        "KAFKACONFIG: the properties of a user that may alter users, as for the services; "
        "PASSWORDS: a JSON object of passwords by user"
    )
    options = parser.parse_args(argv)

    def apply() -> list[str]:
        users = read_list(options.list)
        passwords = read_passwords(os.environ.get("PASSWORDS", ""), users)
        bus = Bus(options.bootstrap, properties(os.environ.get("KAFKACONFIG") or "{}"))
        return apply_list(users, passwords, bus, wait_s=options.wait)

    return run_command("users", apply)


def _user(name: str, table: Any) -> DeclaredUser:
    if not isinstance(table, dict) or set(table) - _KEYS:
        raise ValueError("must be a table of read, write, alter and groups, and nothing else")
    for key, names in table.items():
        if not isinstance(names, list) or not all(isinstance(one, str) and one for one in names):
            raise ValueError(f"{key}: got {names!r}; allowed: a list of names, {TOPIC_FORM}, or with * at the end")
    return DeclaredUser(name, {verb: table[verb] for verb in get_args(Verb) if verb in table}, table.get("groups", []))


if __name__ == "__main__":
    sys.exit(main())

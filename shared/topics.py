"""Makes the topics on a broker as a list declares: `python -m shared.topics kafka/topics.toml --bootstrap HOST:PORT`.

It may run at any time and several times at once; it never deletes anything. It prints one line per topic.
Status 0: all topics are as declared; 1: the broker did not answer, or refused; 2: the list or an option is wrong.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shared.bus import Bus, DeclaredTopic, Topics
from shared.declared import read_tables, run_command
from shared.errors import BusError, SettingsError

WAIT_S = 60.0
ANSWER_TIMEOUT_S = 2.0  # of one attempt; each is followed by a line that says that the broker is waited for


def read_list(path: Path) -> list[DeclaredTopic]:
    """Return the topics that a TOML file declares, each as a table with `partitions` and `config`.

    Raises:
        SettingsError: the file cannot be read or contains something else; each line names the place.
    """
    return read_tables(path, _topic)


def apply_list(topics: Sequence[DeclaredTopic], bus: Bus, *, wait_s: float, say: Callable[[str], None]) -> list[str]:
    """Wait for the broker, make the topics as declared and return a line for each.

    Args:
        topics: as declared.
        bus: the brokers.
        wait_s: longest wait for their first answer, in seconds.
        say: gets a line after each attempt that is not answered.

    Raises:
        BusError: no broker answered in that time, or one refused.
        SettingsError: librdkafka rejects a property of the bus.
    """
    admin = Topics(bus)
    began = time.monotonic()
    while not admin.broker_answers(min(ANSWER_TIMEOUT_S, max(wait_s / 4, 0.1))):
        waited_s = time.monotonic() - began
        if waited_s >= wait_s:
            raise BusError(f"no broker answered at {bus.servers} within {wait_s:g} s")
        say(f"waiting for {bus.servers}, {waited_s:.0f} of {wait_s:g} s")
        time.sleep(min(0.2, wait_s))
    return [f"{topic.name}: {', '.join(admin.apply(topic)) or 'as declared'}" for topic in topics]


def main(argv: Sequence[str] | None = None) -> int:
    """Apply a list; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m shared.topics", description=__doc__.partition("\n\n")[0])
    parser.add_argument("list", type=Path, help="TOML file, such as kafka/topics.toml")
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT", help="brokers, separated by commas")
    parser.add_argument("--wait", type=float, default=WAIT_S, metavar="SECONDS", help="for the broker [%(default)g]")
    parser.epilog = "KAFKACONFIG: further librdkafka properties as a JSON object, as for the services"
    options = parser.parse_args(argv)

    def apply() -> list[str]:
        bus = Bus(options.bootstrap, properties(os.environ.get("KAFKACONFIG") or "{}"))
        return apply_list(read_list(options.list), bus, wait_s=options.wait, say=_progress)

    return run_command("topics", apply)


def _topic(name: str, table: Any) -> DeclaredTopic:
    if not isinstance(table, dict) or set(table) - {"partitions", "config"}:
        raise ValueError("must be a table of partitions and config, and nothing else")
    partitions, config = table.get("partitions"), table.get("config", {})
    if not isinstance(partitions, int) or isinstance(partitions, bool) or partitions < 1:
        raise ValueError(f"partitions: got {partitions!r}; allowed: a whole number of at least 1")
    if not isinstance(config, dict) or any(isinstance(value, (dict, list)) for value in config.values()):
        raise ValueError('config: must be a table of Kafka\'s property names, each in quotes: "retention.ms" = 60000')
    return DeclaredTopic(name, partitions, {key: _text(value) for key, value in config.items()})


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def properties(text: str) -> dict[str, Any]:
    """Return the properties in KAFKACONFIG.

    Raises:
        SettingsError: it is not a JSON object; the message does not quote it.
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SettingsError(["KAFKACONFIG: got ***; allowed: a JSON object of properties"])
    return found


def _progress(line: str) -> None:
    sys.stderr.write(f"topics: {line}\n")


if __name__ == "__main__":
    sys.exit(main())

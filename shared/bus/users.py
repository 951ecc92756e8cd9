"""Sets the passwords of users (SCRAM, RFC 5802) and what each of them may do (ACLs)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import confluent_kafka.admin
from confluent_kafka import KafkaException

from shared.bus.client import Bus, OutageLog, broker_answers, make_client
from shared.errors import BusError

ITERATIONS = 8192  # of SCRAM-SHA-512; Kafka accepts 4096 to 16384
REQUEST_TIMEOUT_S = 10.0

_admin: Any = confluent_kafka.admin  # it re-exports its names without declaring so to type checkers
_OPERATIONS = {
    "read": ("READ", "DESCRIBE"),
    "write": ("WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"),  # the configuration tells the largest record
    "alter": ("CREATE", "ALTER", "ALTER_CONFIGS", "DESCRIBE", "DESCRIBE_CONFIGS"),
}
"""Kafka's operations on a topic, by what a user may do with it."""

Verb = Literal["read", "write", "alter"]
_Acl = tuple[str, str, str, str]
"""Type of resource, its name, how the name is meant (LITERAL or PREFIXED), operation."""


@dataclass(frozen=True, slots=True)
class DeclaredUser:
    """What a user may do, and nothing else.

    Attributes:
        name: of the user.
        topics: names by what the user may do with them; a name that ends with `*` means all that begin so.
        groups: consumer groups that the user may join, likewise.
    """

    name: str
    topics: Mapping[Verb, Sequence[str]] = field(default_factory=dict)
    groups: Sequence[str] = ()

    def acls(self) -> set[_Acl]:
        """Return the rules that allow it."""
        rules = {
            ("TOPIC", *_pattern(name), operation)
            for verb, names in self.topics.items()
            for name in names
            for operation in _OPERATIONS[verb]
        }
        return rules | {
            ("GROUP", *_pattern(name), operation) for name in self.groups for operation in _OPERATIONS["read"]
        }


class Users:
    """Makes users as they are declared. Needs a user that may alter users and rules."""

    def __init__(self, bus: Bus) -> None:
        """Prepare; nothing is asked of a broker yet.

        Raises:
            SettingsError: librdkafka rejects a property or its value.
        """
        self._outages = OutageLog("users")
        self._client = make_client(_admin.AdminClient, bus.client_properties({}, {"error_cb": self._outages}))

    @property
    def refusal(self) -> str | None:
        """Return why the brokers refuse this client; None if they have not."""
        return self._outages.refusal

    def broker_answers(self, timeout_s: float) -> bool:
        """Return whether a broker answers within this time."""
        return broker_answers(self._client, timeout_s)

    def set_password(self, user: str, password: str) -> None:
        """Give a user a password; connections that exist stay.

        Raises:
            BusError: the brokers refuse, or do not answer.
        """
        scram = _admin.ScramCredentialInfo(_admin.ScramMechanism.SCRAM_SHA_512, ITERATIONS)
        change = _admin.UserScramCredentialUpsertion(user, scram, password.encode())
        self._wait(lambda: self._client.alter_user_scram_credentials([change], request_timeout=REQUEST_TIMEOUT_S), user)

    def apply(self, user: DeclaredUser) -> list[str]:
        """Allow a user what is declared, forbid the rest; return what was done, an empty list if it was so.

        Raises:
            BusError: the brokers refuse, or do not answer.
        """
        wanted, existing = user.acls(), self._existing(user.name)
        for acl in sorted(wanted - existing):
            binding = self._binding(_admin.AclBinding, user.name, acl)
            self._wait(
                lambda made=binding: self._client.create_acls([made], request_timeout=REQUEST_TIMEOUT_S), user.name
            )
        for acl in sorted(existing - wanted):
            rule = self._binding(_admin.AclBindingFilter, user.name, acl)
            self._wait(lambda gone=rule: self._client.delete_acls([gone], request_timeout=REQUEST_TIMEOUT_S), user.name)
        allowed = [f"may {_words(acl)}" for acl in sorted(wanted - existing)]
        return [*allowed, *(f"may no longer {_words(acl)}" for acl in sorted(existing - wanted))]

    def _existing(self, user: str) -> set[_Acl]:
        any_rule = _admin.AclBindingFilter(
            _admin.ResourceType.ANY,
            None,
            _admin.ResourcePatternType.ANY,
            f"User:{user}",
            None,
            _admin.AclOperation.ANY,
            _admin.AclPermissionType.ANY,
        )
        found = self._wait(
            lambda: {None: self._client.describe_acls(any_rule, request_timeout=REQUEST_TIMEOUT_S)}, user
        )
        return {
            (acl.restype.name, acl.name, acl.resource_pattern_type.name, acl.operation.name)
            for acl in found
            if acl.permission_type == _admin.AclPermissionType.ALLOW
        }

    @staticmethod
    def _binding(kind: Any, user: str, acl: _Acl) -> Any:
        resource, name, pattern, operation = acl
        return kind(
            _admin.ResourceType[resource],
            name,
            _admin.ResourcePatternType[pattern],
            f"User:{user}",
            "*",
            _admin.AclOperation[operation],
            _admin.AclPermissionType.ALLOW,
        )

    @staticmethod
    def _wait(ask: Any, what: str) -> Any:
        try:
            (future,) = ask().values()
            return future.result(REQUEST_TIMEOUT_S + 1)
        except KafkaException as exc:
            raise BusError(f"{what}: {exc.args[0].str()}") from exc
        except TimeoutError as exc:
            raise BusError(f"{what}: no answer for {REQUEST_TIMEOUT_S:g} s") from exc


def _pattern(name: str) -> tuple[str, str]:
    """Return a name and how Kafka should match it.

    >>> _pattern("go*")
    ('go', 'PREFIXED')
    """
    if name == "*":
        return "*", "LITERAL"  # Kafka's own sign for all names
    return (name[:-1], "PREFIXED") if name.endswith("*") else (name, "LITERAL")


def _words(acl: _Acl) -> str:
    resource, name, pattern, operation = acl
    star = "*" if pattern == "PREFIXED" else ""
    return f"{operation.lower().replace('_', ' ')} {resource.lower()} {name}{star}"

"""Reads the files that the access document names: token digests, keys of links and sessions, client secrets."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.document import depends_on

MAX_FILE_BYTES = 1024 * 1024
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BadFile(ValueError):
    """A file cannot be used; the text names file, line and what is allowed, and nothing secret."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a bearer token stands for."""

    role: str
    name: str


@dataclass(frozen=True, slots=True)
class Key:
    """A secret with the id that it is named by."""

    id: str
    secret: bytes

    @property
    def fingerprint(self) -> str:
        """A text that changes with the key and does not give it away."""
        return hashlib.sha256(b"fingerprint:" + self.id.encode() + b":" + self.secret).hexdigest()[:16]


def digest_of(token: str) -> str:
    """Return the SHA-256 of a token, in hexadecimal digits."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def read_tokens(path: Path) -> dict[str, Token]:
    """Return tokens by digest, from lines `role sha256-of-token [name]`.

    Raises:
        BadFile: the file cannot be read, or a line is something else.
    """
    tokens: dict[str, Token] = {}
    for number, words in _lines(path):
        if len(words) < 2 or not _DIGEST.fullmatch(words[1]):
            raise BadFile(
                f"{path}, line {number}: allowed: a role, the SHA-256 of its token in 64 hexadecimal digits, a name"
            )
        digest = words[1].lower()
        if digest in tokens:
            raise BadFile(f"{path}, line {number}: the same token again; allowed: one line for each token")
        tokens[digest] = Token(words[0], " ".join(words[2:])[:100] or f"token {digest[:8]}")
    return tokens


def read_keys(path: Path) -> tuple[Key, ...]:
    """Return keys in the order of the file, from lines `id secret`.

    Raises:
        BadFile: the file cannot be read, a line is something else, or an id comes twice.
    """
    keys: dict[str, Key] = {}
    for number, words in _lines(path):
        if len(words) != 2 or not _KEY_ID.fullmatch(words[0]):
            raise BadFile(
                f"{path}, line {number}: allowed: an id of letters, digits, _ and -, then a secret without blanks"
            )
        if words[0] in keys:
            raise BadFile(f"{path}, line {number}: the id {words[0]} again; allowed: one line for each id")
        keys[words[0]] = Key(words[0], words[1].encode())
    return tuple(keys.values())


def read_secret(path: Path) -> str:
    """Return a file's text without surrounding blanks.

    Raises:
        BadFile: the file cannot be read, or holds nothing.
    """
    secret = _text(path).strip()
    if not secret:
        raise BadFile(f"{path} is empty; allowed: the secret")
    return secret


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(_text(path).splitlines(), 1):
        words = line.split()
        if words and not words[0].startswith("#"):
            yield number, words


def _text(path: Path) -> str:
    depends_on(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise BadFile(f"{path} is larger than {MAX_FILE_BYTES} bytes")
        return data.decode()
    except OSError as exc:
        raise BadFile(f"{path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise BadFile(f"{path} is not UTF-8") from exc

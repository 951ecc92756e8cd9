"""What RapidJSON would complain of in a body that is no JSON.

The parser of TensorFlow Serving; messages and offsets are part of its answers. Sources: RapidJSON's reader.h
and error/en.h.
"""

_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"


class _MistakeError(Exception):
    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message, offset)
        self.message = message
        self.offset = offset


def find_mistake(body: bytes) -> tuple[str, int] | None:
    """Find what RapidJSON would complain of: its message and the offset. None: nothing."""
    try:
        _Reader(body).document()
    except _MistakeError as exc:
        return exc.message, exc.offset
    return None


class _Reader:
    """RapidJSON's reader, for its complaints only: it builds nothing."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 3 if body.startswith(b"\xef\xbb\xbf") else 0

    def document(self) -> None:
        self._space()
        if self._peek() == b"":
            raise _MistakeError("The document is empty", self._at)
        self._value()
        self._space()
        if self._peek() != b"":
            raise _MistakeError("The document root must not be followed by other values", self._at)

    def _value(self) -> None:
        match self._peek():
            case b"{":
                self._object()
            case b"[":
                self._array()
            case b'"':
                self._string()
            case b"n":
                self._literal(b"null")
            case b"t":
                self._literal(b"true")
            case b"f":
                self._literal(b"false")
            case _:
                self._number()

    def _object(self) -> None:
        self._at += 1
        self._space()
        if self._take(b"}"):
            return
        while True:
            if self._peek() != b'"':
                raise _MistakeError("Missing a name for object member", self._at)
            self._string()
            self._space()
            if not self._take(b":"):
                raise _MistakeError("Missing a colon after a name of object member", self._at)
            self._space()
            self._value()
            self._space()
            if self._take(b"}"):
                return
            if not self._take(b","):
                raise _MistakeError("Missing a comma or } after an object member", self._at)
            self._space()

    def _array(self) -> None:
        self._at += 1
        self._space()
        if self._take(b"]"):
            return
        while True:
            self._value()
            self._space()
            if self._take(b"]"):
                return
            if not self._take(b","):
                raise _MistakeError("Missing a comma or ] after an array element", self._at)
            self._space()

    def _string(self) -> None:
        self._at += 1
        while (char := self._peek()) != b'"':
            if char in (b"", b"\0"):
                raise _MistakeError("Missing a closing quotation mark in string", self._at)
            if char < b" ":
                raise _MistakeError("Invalid encoding in string", self._at)
            if char == b"\\":
                self._escape()
            else:
                self._at += 1
        self._at += 1

    def _escape(self) -> None:
        began = self._at
        self._at += 1
        kind = self._peek()
        if kind == b"u":
            code = self._body[self._at + 1 : self._at + 5]
            if len(code) < 4 or any(digit not in _HEX for digit in code):
                raise _MistakeError("Incorrect hex digit after \\u escape in string", began)
            self._at += 5
        elif kind and kind in b'"\\/bfnrt':
            self._at += 1
        else:
            raise _MistakeError("Invalid escape character in string", began)

    def _literal(self, word: bytes) -> None:
        for at in range(len(word)):
            if not self._take(word[at : at + 1]):
                raise _MistakeError("Invalid value", self._at)

    def _number(self) -> None:
        self._take(b"-")
        if self._peek() in (b"N", b"I"):
            self._literal(b"NaN" if self._peek() == b"N" else b"Infinity")
            return
        if not self._take(b"0"):
            self._digits("Invalid value")
        if self._take(b"."):
            self._digits("Miss fraction part in number")
        if self._take(b"e") or self._take(b"E"):
            if not self._take(b"+"):
                self._take(b"-")
            self._digits("Miss exponent in number")

    def _digits(self, complaint: str) -> None:
        began = self._at
        while (char := self._peek()) and char in _DIGITS:
            self._at += 1
        if self._at == began:
            raise _MistakeError(complaint, began)

    def _space(self) -> None:
        while (char := self._peek()) and char in _SPACE:
            self._at += 1

    def _peek(self) -> bytes:
        return self._body[self._at : self._at + 1]

    def _take(self, char: bytes) -> bool:
        if self._peek() != char:
            return False
        self._at += 1
        return True

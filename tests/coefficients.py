"""Reads the coefficients of a baseline JPEG, to prove what is in it and what is not (ITU T.81, annexes C and F)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.frames import jpeg

Codes = dict[tuple[int, int], int]
"""Length and code -> value."""


@dataclass
class _Bits:
    """The bits of a scan."""

    data: bytes
    at: int
    left: int = 0
    value: int = 0

    def take(self, count: int) -> int:
        while self.left < count:
            byte = self.data[self.at]
            if byte == 0xFF:
                assert self.data[self.at + 1] == 0, f"a marker inside of an MCU at {self.at}"
                self.at += 1
            self.at += 1
            self.value = (self.value << 8 | byte) & 0xFFFFFFFF
            self.left += 8
        self.left -= count
        return self.value >> self.left & ((1 << count) - 1)

    def restart(self) -> None:
        self.left = 0
        assert 0xD0 <= self.data[self.at + 1] <= 0xD7
        self.at += 2

    def symbol(self, codes: Codes) -> int:
        code = 0
        for length in range(1, 17):
            code = code << 1 | self.take(1)
            if (length, code) in codes:
                return codes[length, code]
        raise AssertionError("no such code")

    def number(self, size: int) -> int:
        value = self.take(size) if size else 0
        return value if size and value >> (size - 1) else value - (1 << size) + 1 if size else 0


def coefficients(data: bytes) -> list[NDArray[np.int32]]:
    """Return the quantised coefficients of each component: shape (rows, columns, 64) of blocks, in zigzag order."""
    header = jpeg.inspect(data)
    assert header.single_scan
    tables = dict(_huffman(header.huffman))
    alone = len(header.components) == 1
    factors = [(1, 1) if alone else (c.horizontal, c.vertical) for c in header.components]
    across = -(-header.width // 8) if alone else header.mcus_per_row
    down = -(-header.height // 8) if alone else header.mcu_rows
    found = [np.zeros((down * v, across * h, 64), np.int32) for h, v in factors]
    selectors = [header.scan[2 + 2 * i] for i in range(len(factors))]
    bits, before = _Bits(data, header.scan_offset), [0] * len(factors)
    for mcu in range(across * down):
        if mcu and header.restart_interval and mcu % header.restart_interval == 0:
            bits.restart()
            before = [0] * len(factors)
        row, column = divmod(mcu, across)
        for component, (h, v) in enumerate(factors):
            dc, ac = tables[selectors[component] >> 4], tables[16 | selectors[component] & 15]
            for block in range(h * v):
                place = found[component][row * v + block // h, column * h + block % h]
                before[component] += bits.number(bits.symbol(dc))
                place[0] = before[component]
                _read_ac(bits, ac, place)
    return found


def _read_ac(bits: _Bits, codes: Codes, block: NDArray[np.int32]) -> None:
    at = 1
    while at < 64:
        run, size = divmod(bits.symbol(codes), 16)
        if not size:
            if run != 15:  # end of block
                return
            at += 16
            continue
        at += run
        block[at] = bits.number(size)
        at += 1


def _huffman(content: bytes) -> Iterator[tuple[int, Codes]]:
    """Yield class and number of each table, and its codes (annex C)."""
    at = 0
    while at < len(content):
        counts = content[at + 1 : at + 17]
        values, codes, code, used = content[at + 17 :], {}, 0, 0
        for length, count in enumerate(counts, start=1):
            for _ in range(count):
                codes[length, code] = values[used]
                used, code = used + 1, code + 1
            code <<= 1
        yield content[at], codes
        at += 17 + used

"""Reading and writing MaxMind DB files (format 2.0) for the build: whole trees at once, not address by
address.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import maxminddb
import numpy as np
import numpy.typing as npt
from maxminddb.decoder import Decoder

from geo_build.trie import Prefixes, Trie, Values

_MARKER = b"\xab\xcd\xefMaxMind.com"


class Source:
    """All records of a MaxMind file: ``leaves`` maps a prefix length to prefixes and record numbers (from
    1).
    """

    def __init__(self, path: Path, width: int) -> None:
        with maxminddb.open_database(path, maxminddb.MODE_FILE) as reader:
            metadata = reader.metadata()
        data = path.read_bytes()
        count, size = metadata.node_count, metadata.record_size
        base = count * size // 4 + 16
        kids = _children(data, count, size)
        node, prefix = np.zeros(1, np.int64), np.zeros(1, np.uint64)
        found: dict[int, tuple[Prefixes, Values]] = {}
        for depth in range(1, width + 1):
            child = kids[node].reshape(-1)
            prefix = np.repeat(prefix << np.uint64(1), 2)
            prefix[1::2] += np.uint64(1)
            leaf = child > count
            if leaf.any():
                found[depth] = (prefix[leaf], child[leaf] - count - 16)
            inner = child < count
            node, prefix = child[inner], prefix[inner]
        offsets = np.unique(np.concatenate([values for _, values in found.values()]))
        decoder = Decoder(data, pointer_base=base)
        self.records: list[dict[str, Any]] = [_map(decoder, base + int(at)) for at in offsets]
        self.leaves = {
            depth: (prefixes, np.searchsorted(offsets, values).astype(np.int64) + 1)
            for depth, (prefixes, values) in found.items()
        }
        self.built = metadata.build_epoch

    def sizes(self, width: int, cap: float = float("inf")) -> npt.NDArray[np.float64]:
        """Number of ``width``-bit blocks per record, a single prefix counting at most ``cap``; index 0 is
        unused.
        """
        total = np.zeros(len(self.records) + 1)
        for depth, (_, values) in self.leaves.items():
            np.add.at(total, values, min(2.0 ** (width - depth), cap))
        return total


def _map(decoder: Decoder, at: int) -> dict[str, Any]:
    value = decoder.decode(at)[0]
    assert isinstance(value, dict)
    return value


def _children(data: bytes, count: int, size: int) -> npt.NDArray[np.int64]:
    raw = np.frombuffer(data, np.uint8, count=count * size // 4).reshape(count, size // 4).astype(np.int64)
    if size == 24:
        left, right = raw[:, 0:3], raw[:, 3:6]
    elif size == 32:
        left, right = raw[:, 0:4], raw[:, 4:8]
    else:
        left = np.concatenate([raw[:, 3:4] >> 4, raw[:, 0:3]], 1)
        right = np.concatenate([raw[:, 3:4] & 15, raw[:, 4:7]], 1)
    power = 256 ** np.arange(left.shape[1] - 1, -1, -1, dtype=np.int64)
    return np.stack([left @ power, right @ power], 1)


def write(path: Path, trie: Trie, records: Sequence[Any], *, kind: str, built: int, description: str) -> None:
    """Write ``trie``, whose newest node is the root; value ``n`` stands for ``records[n - 1]``."""
    section, offsets = _Section(), [0]
    for record in records:
        offsets.append(section.add(record))
    count = trie.size
    table = np.array(offsets, np.int64) + count + 16
    table[0] = count
    size = 24 if count + 16 + len(section.data) < 1 << 24 else 32
    rows = np.empty((count, 2, size // 8), np.uint8)
    for side, column in enumerate(trie.columns()):
        # Nodes were made from the leaves up; the file wants the root first.
        value = np.where(column < 0, count + column, table[np.maximum(column, 0)])[::-1]
        for byte in range(size // 8):
            rows[:, side, byte] = (value >> (size - 8 - 8 * byte)) & 255
    metadata = _Section()
    metadata.add(
        {
            "binary_format_major_version": _U16(2),
            "binary_format_minor_version": _U16(0),
            "build_epoch": _U64(built),
            "database_type": kind,
            "description": {"en": description},
            "ip_version": _U16(6),
            "languages": ["en"],
            "node_count": count,
            "record_size": _U16(size),
        },
        share=False,
    )
    path.write_bytes(rows.tobytes() + bytes(16) + bytes(section.data) + _MARKER + bytes(metadata.data))


class _U16(int):
    """An int to be written as uint16."""


class _U64(int):
    """An int to be written as uint64."""


class _Section:
    """A data section; a string used before becomes a pointer to its first use."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._strings: dict[str, int] = {}

    def add(self, value: Any, *, share: bool = True) -> int:
        start = len(self.data)
        self._put(value, share)
        return start

    def _put(self, value: Any, share: bool) -> None:
        if isinstance(value, str):
            self._text(value, share)
        elif isinstance(value, dict):
            self._head(7, len(value))
            for key, item in value.items():
                self._put(key, share)
                self._put(item, share)
        elif isinstance(value, list):
            self._head(11, len(value))
            for item in value:
                self._put(item, share)
        elif isinstance(value, float):
            # type 15 (float): 32 bits hold half degrees exactly
            self._head(15, 4)
            self.data += struct.pack(">f", value)
        else:
            kind = 5 if isinstance(value, _U16) else 9 if isinstance(value, _U64) else 6
            raw = int(value).to_bytes(8, "big").lstrip(b"\0")
            self._head(kind, len(raw))
            self.data += raw

    def _text(self, value: str, share: bool) -> None:
        known = self._strings.get(value)
        raw = value.encode()
        if share and known is not None and len(raw) > 2:
            self._pointer(known)
            return
        if share:
            self._strings.setdefault(value, len(self.data))
        self._head(2, len(raw))
        self.data += raw

    def _pointer(self, at: int) -> None:
        if at < 2048:
            self.data += bytes([0x20 | at >> 8, at & 255])
        elif at < 2048 + 524288:
            at -= 2048
            self.data += bytes([0x28 | at >> 16, at >> 8 & 255, at & 255])
        else:
            at -= 526336
            self.data += bytes([0x30 | at >> 24, at >> 16 & 255, at >> 8 & 255, at & 255])

    def _head(self, kind: int, length: int) -> None:
        if length < 29:
            low, rest = length, b""
        elif length < 285:
            low, rest = 29, bytes([length - 29])
        else:
            low, rest = 30, (length - 285).to_bytes(2, "big")
        if kind < 8:
            self.data += bytes([kind << 5 | low]) + rest
        else:
            self.data += bytes([low, kind - 7]) + rest

"""Binary tries of address prefixes, built bottom-up with numpy and with equal subtrees shared.

A value is an int: 0 is "nothing known", a positive number a record, a negative one ``-(node + 1)``.
Equal siblings become one leaf and equal subtrees one node, which the MaxMind format allows because it only
follows pointers; it makes the tree about 40 % smaller than a writer that inserts prefix by prefix.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Prefixes = npt.NDArray[np.uint64]
Values = npt.NDArray[np.int64]
Leaves = Mapping[int, tuple[Prefixes, Values]]

_BIAS = np.int64(1 << 31)


class Trie:
    """Collects the nodes of several trees; children always have smaller numbers than their parents."""

    def __init__(self) -> None:
        self._left: list[Values] = []
        self._right: list[Values] = []
        self._known = np.zeros(0, np.uint64)
        self._known_node = np.zeros(0, np.int64)
        self.size = 0

    def add(self, leaves: Leaves, floor: int) -> int:
        """Add the tree of ``leaves`` (depth -> prefixes of that many bits, and their values); return its
        root value.

        Leaves longer than ``floor`` bits are merged into their ``floor``-bit block, which takes the value
        that covers most of its addresses.
        """
        prefixes, values = _majority(leaves, floor)
        for depth in range(floor, 0, -1):
            if depth in leaves:
                prefixes = np.concatenate([prefixes, leaves[depth][0]])
                values = np.concatenate([values, leaves[depth][1]])
                order = np.argsort(prefixes, kind="stable")
                prefixes, values = prefixes[order], values[order]
            if len(prefixes):
                prefixes, values = self._parents(prefixes, values)
        return int(values[0]) if len(values) else 0

    def chain(self, value: int, zeros: int) -> int:
        """Put ``value`` below ``zeros`` left turns (IPv4 lives at ``::/96`` of an IPv6 tree)."""
        for _ in range(zeros):
            value = int(self._nodes(np.array([value], np.int64), np.array([0], np.int64))[0])
        return value

    def columns(self) -> tuple[Values, Values]:
        """Left and right child of every node, in order of node number."""
        return np.concatenate(self._left), np.concatenate(self._right)

    def _parents(self, prefixes: Prefixes, values: Values) -> tuple[Prefixes, Values]:
        parent = prefixes >> np.uint64(1)
        side = prefixes & np.uint64(1)
        first = np.ones(len(parent), bool)
        first[1:] = parent[1:] != parent[:-1]
        index = np.searchsorted(parent[first], parent)
        left = np.zeros(int(first.sum()), np.int64)
        right = left.copy()
        left[index[side == 0]] = values[side == 0]
        right[index[side == 1]] = values[side == 1]
        merged = left.copy()
        differ = left != right
        merged[differ] = self._nodes(left[differ], right[differ])
        return parent[first], merged

    def _nodes(self, left: Values, right: Values) -> Values:
        keys = ((left + _BIAS).astype(np.uint64) << np.uint64(32)) | (right + _BIAS).astype(np.uint64)
        unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        at = np.atleast_1d(np.searchsorted(self._known, unique))
        found = np.zeros(len(unique), bool)
        inside = at < len(self._known)
        found[inside] = self._known[at[inside]] == unique[inside]
        node = np.empty(len(unique), np.int64)
        node[found] = self._known_node[at[found]]
        fresh = ~found
        node[fresh] = self.size + np.arange(int(fresh.sum()))
        self._left.append(left[first[fresh]])
        self._right.append(right[first[fresh]])
        self.size += int(fresh.sum())
        self._known = np.concatenate([self._known, unique[fresh]])
        self._known_node = np.concatenate([self._known_node, node[fresh]])
        order = np.argsort(self._known, kind="stable")
        self._known, self._known_node = self._known[order], self._known_node[order]
        numbers: Values = -(node[inverse.reshape(-1)] + 1)
        return numbers


def _majority(leaves: Leaves, floor: int) -> tuple[Prefixes, Values]:
    deep = [(depth, *leaf) for depth, leaf in leaves.items() if depth > floor]
    if not deep:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    prefixes = np.concatenate([p >> np.uint64(depth - floor) for depth, p, _ in deep])
    values = np.concatenate([v for _, _, v in deep])
    weights = np.concatenate([np.full(len(p), 2.0 ** (floor - depth)) for depth, p, _ in deep])
    order = np.lexsort((values, prefixes))
    prefixes, values, weights = prefixes[order], values[order], weights[order]
    new = np.ones(len(prefixes), bool)
    new[1:] = (prefixes[1:] != prefixes[:-1]) | (values[1:] != values[:-1])
    starts = np.flatnonzero(new)
    weights = np.add.reduceat(weights, starts)
    prefixes, values = prefixes[starts], values[starts]
    # Of equal weights the smaller value wins, so that the build is reproducible.
    order = np.lexsort((values, -weights, prefixes))
    prefixes, values = prefixes[order], values[order]
    first = np.ones(len(prefixes), bool)
    first[1:] = prefixes[1:] != prefixes[:-1]
    return prefixes[first], values[first]

"""Decision trees as arrays, and the function that is made of them.

One login through scikit-learn costs milliseconds, and the daemon need not load it: the same comparisons, written as one
nested conditional expression a tree, cost some tens of microseconds for a hundred trees.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import isfinite
from typing import Any, Final

import msgspec

#: A vector of floats, NaN where a value is unknown → a number.
Score = Callable[[Sequence[float]], float]

#: Bounds of what is compiled. A recipe asks for some hundred trees with some hundred nodes; Python's parser nests at
#: most 200 parentheses, and compiling may take no more than a moment.
MAX_TREES: Final = 1_000
MAX_NODES: Final = 4_095
MAX_ALL_NODES: Final = 200_000
MAX_DEPTH: Final = 48
MAX_WIDTH: Final = 500
#: Far above any log-odds or depth, and a sum of these is finite.
MAX_VALUE: Final = 1e6

#: Nodes that are compiled in one go. Compiling holds the interpreter: in pieces, a thread that does it lets others on.
_PIECE: Final = 2_500


class Tree(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tree; node 0 is its root, and item *i* of each array is node *i*.

    A node with ``feature[i] < 0`` is a leaf and gives ``value[i]``. Any other goes on at ``left[i]`` when the feature's
    value is at most ``threshold[i]``, at ``right[i]`` when it is greater, and at the side that ``missing_left[i]`` says
    where it is unknown (NaN). What a node does not need is 0 or false.

    Raises :class:`ValueError` when the arrays are no tree.
    """

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    missing_left: tuple[bool, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]

    def __post_init__(self) -> None:
        size = len(self.feature)
        if not 1 <= size <= MAX_NODES:
            raise ValueError(f"a tree has 1 to {MAX_NODES} nodes, not {size}")
        arrays = (self.threshold, self.missing_left, self.left, self.right, self.value)
        if any(len(array) != size for array in arrays):
            raise ValueError("the arrays of a tree have different lengths")
        if not all(map(isfinite, self.threshold)):
            raise ValueError("thresholds are finite numbers")
        if not all(abs(value) <= MAX_VALUE for value in self.value):
            raise ValueError(f"values are numbers from -{MAX_VALUE:g} to {MAX_VALUE:g}")
        depth = [-1] * size
        depth[0] = 0
        for node, feature in enumerate(self.feature):
            if depth[node] < 0:
                raise ValueError(f"nothing leads to node {node}")
            if feature < 0:
                continue
            for child in (self.left[node], self.right[node]):
                # A child comes after its parent, so that there is no way back and one pass sees all.
                if not node < child < size:
                    raise ValueError(f"node {node} goes on at {child}, which is not one of the nodes after it")
                if depth[child] >= 0:
                    raise ValueError(f"two ways lead to node {child}")
                depth[child] = depth[node] + 1
        if max(depth) > MAX_DEPTH:
            raise ValueError(f"a tree is at most {MAX_DEPTH} deep, not {max(depth)}")


class Trees(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Trees whose values are added up, from ``baseline`` on, in their order. Raises :class:`ValueError`."""

    baseline: float
    trees: tuple[Tree, ...]

    def __post_init__(self) -> None:
        if not abs(self.baseline) <= MAX_VALUE:
            raise ValueError(f"the baseline is a number from -{MAX_VALUE:g} to {MAX_VALUE:g}")
        if not 1 <= len(self.trees) <= MAX_TREES:
            raise ValueError(f"there are 1 to {MAX_TREES} trees, not {len(self.trees)}")
        if self.nodes > MAX_ALL_NODES:
            raise ValueError(f"all trees together have at most {MAX_ALL_NODES} nodes, not {self.nodes}")

    @property
    def nodes(self) -> int:
        """Nodes of all trees."""
        return sum(len(tree.feature) for tree in self.trees)

    @property
    def width(self) -> int:
        """How many features the trees need at least."""
        return 1 + max(max(tree.feature) for tree in self.trees)


def compile_trees(trees: Trees, width: int) -> Score:
    """A function from a vector of ``width`` values to the sum of the trees.

    It raises :class:`ValueError` for a vector of another length. Raises :class:`ValueError` when a tree looks at a
    feature that is not there.
    """
    if not 1 <= width <= MAX_WIDTH:
        raise ValueError(f"a vector has 1 to {MAX_WIDTH} values, not {width}")
    if trees.width > width:
        raise ValueError(f"a tree looks at feature {trees.width - 1}, and there are {width}")
    pieces = [_compile(piece, width) for piece in _pieces(trees.trees)]
    baseline = trees.baseline
    if len(pieces) == 1:
        (only,) = pieces
        return lambda vector: only(vector, baseline)

    def score(vector: Sequence[float]) -> float:
        total = baseline
        for piece in pieces:
            total = piece(vector, total)
        return total

    return score


def _pieces(trees: Sequence[Tree]) -> list[Sequence[Tree]]:
    """Successive trees, cut where there are enough nodes."""
    ends, nodes = [0], 0
    for number, tree in enumerate(trees):
        nodes += len(tree.feature)
        if nodes >= _PIECE or number + 1 == len(trees):
            ends.append(number + 1)
            nodes = 0
    return [trees[start:end] for start, end in pairwise(ends)]


def _compile(trees: Sequence[Tree], width: int) -> Callable[[Sequence[float], float], float]:
    """A function that adds some trees to a sum.

    The code is made of a file's content, and safe since nothing but numbers gets into it: indices are written from
    ``int``, thresholds and values from ``float`` that was found to be finite. No text of the file does.
    """
    lines = ["def score(vector, total):"]
    lines.append(f" {''.join(f'x{number},' for number in range(width))}=vector")
    lines += [f" total+={_expression(tree)}" for tree in trees]
    lines.append(" return total\n")
    names: dict[str, Any] = {"__builtins__": {}}
    exec(compile("\n".join(lines), "<trees>", "exec"), names)  # noqa: S102  # numbers only, see above
    function: Callable[[Sequence[float], float], float] = names["score"]
    return function


def _expression(tree: Tree) -> str:
    """A tree as a conditional expression. Children stand after their parents, so the last node is written first."""
    written: list[str] = [""] * len(tree.feature)
    for node in range(len(tree.feature) - 1, -1, -1):
        feature = int(tree.feature[node])
        if feature < 0:
            written[node] = f"({float(tree.value[node])!r})"
            continue
        # NaN is not even equal to itself, and no comparison with it holds.
        missing = f" or x{feature}!=x{feature}" if tree.missing_left[node] else ""
        left, right = written[tree.left[node]], written[tree.right[node]]
        written[node] = f"({left} if x{feature}<={float(tree.threshold[node])!r}{missing} else {right})"
    return written[0]

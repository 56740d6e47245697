"""Trees are checked before they become code, and the code does what the arrays say."""

from math import isnan, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.models import trees as module
from sentinel.models.trees import MAX_DEPTH, MAX_NODES, MAX_TREES, Tree, Trees, compile_trees
from tests.models.made import stump

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.floats(-1e6, 1e6)


def walk(tree: Tree, vector: tuple[float, ...]) -> float:
    """The value of a tree, the slow and plain way."""
    node = 0
    while tree.feature[node] >= 0:
        x = vector[tree.feature[node]]
        go_left = tree.missing_left[node] if isnan(x) else x <= tree.threshold[node]
        node = tree.left[node] if go_left else tree.right[node]
    return tree.value[node]


@st.composite
def any_tree(draw: st.DrawFn, width: int) -> Tree:
    """Any tree of at most 31 nodes."""
    feature, threshold, missing, left, right, value = [-1], [0.0], [False], [0], [0], [draw(VALUES)]
    for _ in range(draw(st.integers(0, 15))):
        node = draw(st.sampled_from([n for n, each in enumerate(feature) if each < 0]))
        feature[node], threshold[node] = draw(st.integers(0, width - 1)), draw(NUMBERS)
        missing[node], left[node], right[node] = draw(st.booleans()), len(feature), len(feature) + 1
        value[node] = 0.0
        for array, new in ((feature, -1), (threshold, 0.0), (missing, False), (left, 0), (right, 0)):
            array += [new, new]  # type: ignore[operator, list-item]
        value += [draw(VALUES), draw(VALUES)]
    return Tree(tuple(feature), tuple(threshold), tuple(missing), tuple(left), tuple(right), tuple(value))


@given(st.data())
def test_the_code_does_what_the_arrays_say(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 4))
    trees = Trees(baseline=data.draw(VALUES), trees=tuple(data.draw(st.lists(any_tree(width), min_size=1, max_size=5))))
    seen = [each for tree in trees.trees for each in tree.threshold]
    vector = tuple(data.draw(st.just(nan) | st.sampled_from(seen) | NUMBERS) for _ in range(width))
    expected = trees.baseline
    for tree in trees.trees:
        expected += walk(tree, vector)
    assert compile_trees(trees, width)(vector) == expected


def test_cut_in_pieces_the_sum_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    trees = Trees(baseline=0.1, trees=tuple(stump(low=n / 7, high=n / 3) for n in range(20)))
    whole = compile_trees(trees, 1)
    monkeypatch.setattr(module, "_PIECE", 7)
    pieces = compile_trees(trees, 1)
    assert [pieces([x]) for x in (0.0, 1.0)] == [whole([x]) for x in (0.0, 1.0)]


def test_unknown_goes_where_the_tree_says() -> None:
    right = compile_trees(Trees(baseline=0.0, trees=(stump(),)), 1)
    left = compile_trees(Trees(baseline=0.0, trees=(stump(missing_left=(True, False, False)),)), 1)
    assert (right([nan]), left([nan]), left([0.5]), left([0.6])) == (2.0, 1.0, 1.0, 2.0)


def test_a_vector_of_another_length_is_refused() -> None:
    score = compile_trees(Trees(baseline=0.0, trees=(stump(),)), 2)
    for vector in ([0.0], [0.0, 0.0, 0.0]):
        with pytest.raises(ValueError):
            score(vector)
    with pytest.raises(ValueError, match="feature 2, and there are 2"):
        compile_trees(Trees(baseline=0.0, trees=(stump(of=2),)), 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threshold": (0.5, 0.0)}, "different lengths"),
        ({"threshold": (nan, 0.0, 0.0)}, "finite"),
        ({"threshold": (float("inf"), 0.0, 0.0)}, "finite"),
        ({"value": (0.0, nan, 2.0)}, "values"),
        ({"value": (0.0, 1e7, 2.0)}, "values"),
        ({"left": (0, 0, 0)}, "goes on at 0"),
        ({"left": (3, 0, 0)}, "goes on at 3"),
        ({"left": (-1, 0, 0)}, "goes on at -1"),
        ({"left": (2, 0, 0)}, "two ways lead to node 2"),
        ({"feature": (-1, -1, -1)}, "nothing leads to node 1"),
        ({"feature": (), "threshold": (), "missing_left": (), "left": (), "right": (), "value": ()}, "1 to 4095 nodes"),
    ],
)
def test_what_is_no_tree_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        stump(**changes)


def chain(depth: int) -> Tree:
    """A tree that is a single long way down."""
    size = 2 * depth + 1
    inner = [node for node in range(size) if node % 2 == 0 and node < size - 1]
    return Tree(
        feature=tuple(0 if node in inner else -1 for node in range(size)),
        threshold=(0.5,) * size,
        missing_left=(False,) * size,
        left=tuple(node + 1 if node in inner else 0 for node in range(size)),
        right=tuple(node + 2 if node in inner else 0 for node in range(size)),
        value=tuple(map(float, range(size))),
    )


def test_size_and_depth_are_bounded_and_the_largest_compiles() -> None:
    assert compile_trees(Trees(baseline=0.0, trees=(chain(MAX_DEPTH),)), 1)([1.0]) == 2 * MAX_DEPTH
    with pytest.raises(ValueError, match=f"at most {MAX_DEPTH} deep"):
        chain(MAX_DEPTH + 1)
    with pytest.raises(ValueError, match=f"1 to {MAX_NODES} nodes"):
        chain(MAX_NODES)
    with pytest.raises(ValueError, match=f"1 to {MAX_TREES} trees"):
        Trees(baseline=0.0, trees=(stump(),) * (MAX_TREES + 1))
    with pytest.raises(ValueError, match="together have at most"):
        Trees(baseline=0.0, trees=(_full(2_047),) * 100)
    with pytest.raises(ValueError, match="baseline"):
        Trees(baseline=nan, trees=(stump(),))


def _full(size: int) -> Tree:
    inner = range(size // 2)
    return Tree(
        feature=tuple(0 if n in inner else -1 for n in range(size)),
        threshold=(0.0,) * size,
        missing_left=(False,) * size,
        left=tuple(2 * n + 1 if n in inner else 0 for n in range(size)),
        right=tuple(2 * n + 2 if n in inner else 0 for n in range(size)),
        value=(0.0,) * size,
    )

"""The rule language: CEL over declared facts."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.facts import FACTS
from sentinel.rules import language
from sentinel.rules.language import ExpressionError, compile_expression


def value(text: str, facts: dict[str, Any] | None = None, **more: Any) -> Any:
    return compile_expression(text, **more).evaluate(facts or {})


class TestAbsence:
    def test_what_depends_on_an_absent_measure_has_no_value(self) -> None:
        assert value("travel.speed_kmh > 900.0") is None
        assert value("travel.speed_kmh > 900.0", {"travel.speed_kmh": None}) is None
        assert value("travel.speed_kmh > 900.0", {"travel.speed_kmh": 901.0}) is True

    @pytest.mark.parametrize(
        ("text", "result"),
        [
            ("false && travel.speed_kmh > 900.0", False),
            ("travel.speed_kmh > 900.0 && false", False),
            ("true || travel.speed_kmh > 900.0", True),
            ("travel.speed_kmh > 900.0 || true", True),
            ("true && travel.speed_kmh > 900.0", None),
            ("travel.speed_kmh > 900.0 || false", None),
            ("true ? 1.0 : travel.speed_kmh", 1.0),
            ("false ? 1.0 : travel.speed_kmh", None),
        ],
    )
    def test_what_does_not_depend_on_it_has_one(self, text: str, result: object) -> None:
        assert value(text) == result
        assert type(value(text)) is type(result)

    def test_what_cannot_be_computed_has_none(self) -> None:
        assert value("1 / windows.n > 0", {"windows.n": 0}, windows=("n",)) is None


class TestReads:
    @pytest.mark.parametrize(
        ("text", "reads"),
        [
            ("device.new", ("device.new",)),
            ("device . new || network\n.new", ("device.new", "network.new")),
            ('event.reason == "device.new"', ("event.reason",)),
            ("event.reason == 'device.new' // network.new", ("event.reason",)),
            ('event.reason == """device.new "quoted" network.new"""', ("event.reason",)),
            ("event.reason == r'\\d' && device.new", ("event.reason", "device.new")),
            ("account.tags.exists(tag, tag == 'admin')", ("account.tags",)),
            ("account.tags.size() > 1", ("account.tags",)),
            ("account == account", ("account",)),
            ("event.reason.startsWith('bad') && account.exists", ("event.reason", "account.exists")),
            ("windows.a > 1 && windows.a < 5", ("windows.a",)),
            ("params.x > 1.0", ()),
        ],
    )
    def test_are_the_facts_that_it_depends_on(self, text: str, reads: tuple[str, ...]) -> None:
        assert compile_expression(text, windows=("a",), params={"x": 1}).reads == reads


class TestErrors:
    def error(self, text: str, **more: Any) -> ExpressionError:
        with pytest.raises(ExpressionError) as caught:
            compile_expression(text, **more)
        return caught.value

    def test_a_measure_against_a_bare_integer_hints_at_the_double(self) -> None:
        for text in ("travel.speed_kmh > 900", "900 < travel.speed_kmh"):
            assert "900.0" in self.error(text).message

    @pytest.mark.parametrize("number", [900, 900.5])
    def test_a_parameter_fits_both(self, number: float) -> None:
        facts = {"travel.speed_kmh": 901.0, "windows.n": 901}
        assert value("travel.speed_kmh > params.max", facts, params={"max": number}) is True
        assert value("windows.n > params.max", facts, params={"max": number}, windows=("n",)) is True

    def test_an_unknown_fact_points_at_the_list(self) -> None:
        error = self.error("device.new &&\n  travel.sped > 1.0")
        assert (error.line, "sentinel facts" in error.message) == (2, True)
        assert error.column == 3

    @pytest.mark.parametrize(
        "text", ["windows.other > 1", "params.other > 1", "device.new(", "&&", "1 +", "foo()", '"']
    )
    def test_anything_wrong_is_an_error_with_a_place(self, text: str) -> None:
        error = self.error(text, windows=("a",), params={"x": 1})
        assert error.line == 1
        assert 1 <= error.column <= len(text) + 1
        assert error.message

    def test_nothing_but_the_language_is_executed(self) -> None:
        for text in ("__import__('os')", "event.type.__class__", "open('x')", "lambda: 1"):
            self.error(text)


EXPRESSIONS = [
    "device.new && !account.warming_up",
    "travel.speed_kmh > params.max && travel.distance_km >= 500.0 || network.anonymous",
    "event.reason in ['bad_password', 'locked'] ? windows.a * 2 : windows.a",
    "'admin' in account.tags || account.tags.exists(tag, tag.startsWith('s'))",
    "travel.speed_kmh > 1.0 ? travel.distance_km : 5.0",
    "event.rtt_ms / 2.0 < 10.0 && windows.a > 1",
]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int": st.none() | st.integers(0, 3),
    "double": st.none() | st.sampled_from([0.0, -0.0, 1.0, 500.0, 1000.5]),
    "string": st.sampled_from(["", "bad_password", "locked", "x"]),
    "list(string)": st.sampled_from([(), ("admin",), ("service", "x")]),
}


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(EXPRESSIONS))
def test_what_is_remembered_equals_a_fresh_evaluation(data: st.DataObject, text: str) -> None:
    more: dict[str, Any] = {"windows": ("a",), "params": {"max": 900}}
    remembering = compile_expression(text, **more)
    for _ in range(6):
        facts = {name: data.draw(VALUES[FACTS[name].type if name in FACTS else "int"]) for name in remembering.reads}
        facts |= {"unread": data.draw(st.integers())}
        fresh = compile_expression(text, **more).evaluate(facts)
        assert told(remembering.evaluate(facts)) == told(fresh)
        assert told(remembering.evaluate(facts)) == told(fresh)


def told(value: object) -> str:
    """A result as findings tell it; zero has no sign there."""
    return repr(value + 0.0 if isinstance(value, float) else value)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "MAX_REMEMBERED", 10)
    expression = compile_expression("windows.a > 50", windows=("a",))
    assert [number for number in range(100) if expression.evaluate({"windows.a": number})] == list(range(51, 100))
    assert len(expression._remembered) <= 10


class TestIdentity:
    """Windows of equal identity share one series, so equal must mean the same."""

    def identity(self, text: str, **params: Any) -> str:
        return compile_expression(text, params=params).identity

    def test_equal_texts_are_equal(self) -> None:
        assert self.identity("event.attempt") == self.identity("  event.attempt\n")

    def test_white_space_in_a_string_tells_apart(self) -> None:
        assert self.identity("event.service == 'a  b'") != self.identity("event.service == 'a b'")

    def test_what_a_comment_hides_tells_apart(self) -> None:
        assert self.identity("event.attempt // x\n && device.known") != self.identity(
            "event.attempt // x && device.known"
        )

    def test_parameters_that_it_reads_tell_apart(self) -> None:
        text = "event.service == params.name"
        assert self.identity(text, name="a") != self.identity(text, name="b")
        assert self.identity(text, name="a", other=1) == self.identity(text, name="a", other=2)

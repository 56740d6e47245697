"""Rule files: what is wrong is said with file, key, line and column; local files override single keys."""

from pathlib import Path

import pytest

from sentinel.errors import FileError
from sentinel.events.clock import DAY, HOUR, MINUTE, SECOND
from sentinel.rules.load import RulesError, load_rules, packaged_rules
from sentinel.rules.rule import Window
from sentinel.rules.ruleset import RuleSet
from tests.builders import rule_text, write_rule

GOOD = """title = "A good rule"
applies_to = ["login"]
when = "event.attempt && windows.failures >= params.limit"
risk = 50

[params]
limit = 5
other = 1

[windows.failures]
count = "events"
by = ["account"]
over = "10m"

[[test]]
name = "fires"
event = { time = 2026-01-01T09:00:00Z }
fires = true

[[test]]
name = "silent"
event = { time = 2026-01-01T09:00:00Z }
fires = false
"""


def errors(folder: Path) -> list[FileError]:
    with pytest.raises(RulesError) as caught:
        load_rules([folder])
    assert str(caught.value).splitlines()
    return caught.value.errors


def error(folder: Path, text: str, name: str = "bad") -> FileError:
    """What is wrong with a rule; its place is checked to be in the file."""
    path = write_rule(folder, name, text, cases=False)
    (found,) = errors(folder)
    assert found.path == str(path)
    assert str(found).startswith(f"{path}:{found.line}:{found.column}: " if found.line else f"{path}: ")
    return found


def place(text: str, part: str) -> tuple[int, int]:
    """Line and column of the first occurrence of ``part``."""
    before = text[: text.index(part)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def test_a_good_rule_loads(tmp_path: Path) -> None:
    write_rule(tmp_path, "good", GOOD, cases=False)
    (file,) = load_rules([tmp_path, tmp_path / "not-there"])
    assert (file.compiled.rule.id, file.compiled.rule.status, file.compiled.rule.evidence_group) == (
        "good",
        "live",
        "good",
    )
    assert file.compiled.reads == ("event.attempt",)


@pytest.mark.parametrize(
    ("old", "new", "key", "at", "says"),
    [
        ("risk = 50", "risk = 50\nrsk = 1", "rsk", "rsk = 1", "unknown key"),
        ('title = "A good rule"', "", "title", None, "required"),
        ("risk = 50", "", "risk", None, "required"),
        ("risk = 50", "risk = 50\nid = 'x'", "id", "id =", "the file's name"),
        ("risk = 50", "risk = true", "risk", "risk =", "expected"),
        ("risk = 50", "risk = 101", "risk", "risk =", "0 to 100"),
        ("risk = 50", "risk = -1", "risk", "risk =", "0 to 100"),
        ("risk = 50", 'risk = "event.type"', "risk", "event.type", "number"),
        ("risk = 50", 'risk = "params.limit == 1"', "risk", "params.limit == 1", "number"),
        ("risk = 50", 'risk = "windows.oops"', "risk", "windows.oops", "undeclared"),
        ("risk = 50", "risk = 50\nstatus = 'on'", "status", "status =", "expected one of live"),
        ("risk = 50", "risk = 50\naudience = 'all'", "audience", "audience =", "expected one of account"),
        ("risk = 50", "risk = 50\nalert = 'mail'", "alert", "alert =", "suspicious_sign_in"),
        ('applies_to = ["login"]', 'applies_to = ["login", "signin"]', "applies_to[1]", '"signin"', "session_seen"),
        ('applies_to = ["login"]', "applies_to = []", "applies_to", "applies_to", "length"),
        ('"event.attempt && ', '"event.reason && ', "when", None, "no matching overload"),
        (
            'when = "event.attempt && windows.failures >= params.limit"',
            "when = 1",
            "when",
            "when =",
            "expected `str`",
        ),
        (
            'when = "event.attempt && windows.failures >= params.limit"',
            'when = "1 + 1"',
            "when",
            "1 + 1",
            "bool",
        ),
        ("limit = 5", "limit = 5\nwhen = 1979-05-27T07:32:00Z", "params.when", "when = 1979", "expected"),
        ("limit = 5", "limit = 9223372036854775808", "params.limit", "limit =", "64 bits"),
        ("limit = 5", "limit = nan", "params.limit", "limit =", "finite"),
        ("limit = 5", "limit = inf", "params.limit", "limit =", "finite"),
        ("limit = 5", 'limit = "five"', "when", None, "no matching overload"),
        ("params.limit", "params.limt", "when", "params.limt", "the rule has the params: limit, other"),
        ("windows.failures >=", "windows.failure >=", "when", "windows.failure", "the rule has the windows: failures"),
        ("event.attempt &&", "event.atempt &&", "when", "event.atempt", "did you mean event.attempt?"),
        ('over = "10m"', 'over = "10 minutes"', "windows.failures.over", "10 minutes", "10m"),
        ('over = "10m"', 'over = "0m"', "windows.failures.over", "0m", "10m"),
        ('over = "10m"', 'over = "31d"', "windows.failures.over", "31d", "30d"),
        ('over = "10m"', "", "windows.failures.over", None, "required"),
        ('over = "10m"', 'over = "10m"\nper = 1', "windows.failures.per", "per =", "unknown key"),
        ('by = ["account"]', "by = []", "windows.failures.by", "by =", "length"),
        (
            'by = ["account"]',
            'by = ["account", "acount"]',
            "windows.failures.by[1]",
            "acount",
            "no fact acount",
        ),
        ('by = ["account"]', 'by = ["device.new"]', "windows.failures.by[0]", "device.new", "the past"),
        ('by = ["account"]', 'by = ["account.tags"]', "windows.failures.by[0]", "account.tags", "list"),
        ('by = ["account"]', "by = [1]", "windows.failures.by[0]", "1]", "expected `str`"),
        ('count = "events"', 'count = "logins"', "windows.failures.count", "count =", "expected one of events"),
        ('count = "events"', "", "windows.failures", "failures]", "either"),
        (
            'count = "events"',
            'count = "events"\ndistinct = "account"',
            "windows.failures",
            "failures]",
            "either",
        ),
        ('count = "events"', 'distinct = "nope"', "windows.failures.distinct", "nope", "no fact nope"),
        ('count = "events"', 'count = "events"\nwhere = "1"', "windows.failures.where", '1"', "condition"),
        ("fires = true", "fires = 1", "test[0].fires", "fires = 1", "expected `bool`"),
        ("fires = true", "fires = true\nrik = 1", "test[0].rik", "rik", "unknown key"),
        ("fires = true", "fires = false", "test", "test]]", "one that fires"),
        ("fires = false", "fires = true", "test", "test]]", "one that stays silent"),
    ],
)
def test_what_is_wrong_is_named_and_pointed_at(
    tmp_path: Path, old: str, new: str, key: str, at: str | None, says: str
) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    found = error(tmp_path, text)
    assert found.key == key
    assert says in found.message
    if at is not None:
        assert (found.line, found.column) == place(text, at)


def test_no_tests_at_all(tmp_path: Path) -> None:
    found = error(tmp_path, GOOD[: GOOD.index("[[test]]")])
    assert (found.key, "one that fires and one that stays silent" in found.message) == ("test", True)


@pytest.mark.parametrize("name", ["Bad", "bad-rule", "1bad", "bad.rule", "ünknown"])
def test_the_files_name_is_the_id(tmp_path: Path, name: str) -> None:
    assert "named by its id" in error(tmp_path, GOOD, name).message


def test_what_is_no_toml_is_pointed_at(tmp_path: Path) -> None:
    found = error(tmp_path, GOOD.replace("risk = 50", "risk = = 50"))
    assert (found.line, "TOML" in found.message) == (4, True)


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_an_error_in_a_long_expression_points_into_the_file(tmp_path: Path, quotes: str) -> None:
    when = f"{quotes}\n    device.known\n      && travel.speed_kmh > 900\n{quotes}"
    text = GOOD.replace('"event.attempt && windows.failures >= params.limit"', when)
    found = error(tmp_path, text)
    line, column = place(text, "> 900")
    assert (found.line, found.column) == (line, column)
    assert "900.0" in found.message
    assert found.key == "when"


def test_an_error_behind_an_escape_and_an_accent_points_at_the_character(tmp_path: Path) -> None:
    text = GOOD.replace(
        '"event.attempt && windows.failures >= params.limit"', '"event.service == \\"é\\" && oops.fact"'
    )
    found = error(tmp_path, text)
    assert (found.line, found.column) == place(text, "oops")


def test_all_bad_files_among_good_ones_are_reported(tmp_path: Path) -> None:
    write_rule(tmp_path, "aaa", GOOD, cases=False)
    write_rule(tmp_path, "bbb", GOOD.replace("risk = 50", "rsk = 50"), cases=False)
    write_rule(tmp_path, "ccc", "= nonsense", cases=False)
    write_rule(tmp_path, "ddd", GOOD.replace("event.attempt", "event.atempt").replace("10m", "10x"), cases=False)
    write_rule(tmp_path, "zzz", GOOD, cases=False)
    found = errors(tmp_path)
    assert {Path(item.path).stem for item in found} == {"bbb", "ccc", "ddd"}
    assert {item.key for item in found if "ddd" in item.path} == {"when", "windows.failures.over"}


class TestLocal:
    def load(self, tmp_path: Path, local: str) -> RuleSet:
        write_rule(tmp_path / "packaged", "good", GOOD, cases=False)
        write_rule(tmp_path / "local", "good", local, cases=False)
        return RuleSet(load_rules([tmp_path / "packaged", tmp_path / "local"]))

    def test_a_key_that_is_set_stands_and_the_others_stay(self, tmp_path: Path) -> None:
        (file,) = self.load(tmp_path, 'status = "shadow"\nrisk = 20\n[params]\nlimit = 50\n').files
        rule = file.compiled.rule
        assert (rule.status, rule.risk, rule.title) == ("shadow", 20, "A good rule")
        assert rule.params == {"limit": 50, "other": 1}
        assert len(rule.test) == 2
        assert Path(file.sources["risk"]).parent.name == "local"
        assert Path(file.sources["title"]).parent.name == "packaged"
        assert Path(file.sources["params.limit"]).parent.name == "local"

    def test_a_parameter_may_be_new_if_it_is_read(self, tmp_path: Path) -> None:
        local = 'when = "windows.failures >= params.limit + params.more"\n[params]\nmore = 1\n'
        (file,) = self.load(tmp_path, local).files
        assert file.compiled.rule.params["more"] == 1

    @pytest.mark.parametrize(
        ("line", "says"), [("limt = 50", "it has: limit, other"), ('limit = "many"', "expected a number")]
    )
    def test_a_parameter_that_would_do_nothing_is_refused(self, tmp_path: Path, line: str, says: str) -> None:
        with pytest.raises(RulesError) as caught:
            self.load(tmp_path, f"[params]\n{line}\n")
        (found,) = caught.value.errors
        assert (Path(found.path).parent.name, found.line) == ("local", 2)
        assert says in found.message

    def test_a_window_is_overridden_key_by_key(self, tmp_path: Path) -> None:
        (file,) = self.load(tmp_path, '[windows.failures]\nover = "1h"\n').files
        window = file.compiled.rule.windows["failures"]
        assert (window.over, window.by, window.count) == ("1h", ["account"], "events")

    def test_a_window_may_count_something_else(self, tmp_path: Path) -> None:
        (file,) = self.load(tmp_path, '[windows.failures]\ndistinct = "network.address"\n').files
        window = file.compiled.rule.windows["failures"]
        assert (window.count, window.distinct) == (None, "network.address")

    def test_an_error_is_in_the_file_that_made_it(self, tmp_path: Path) -> None:
        with pytest.raises(RulesError) as caught:
            self.load(tmp_path, 'when = "device.knwon"\n')
        (found,) = caught.value.errors
        assert (Path(found.path).parent.name, found.line, found.key) == ("local", 1, "when")

    def test_a_rule_of_ones_own_stands_beside(self, tmp_path: Path) -> None:
        write_rule(tmp_path / "local", "own", rule_text("true"))
        assert {file.compiled.rule.id for file in self.load(tmp_path, "").files} == {"good", "own"}

    def test_switched_off_is_not_evaluated(self, tmp_path: Path) -> None:
        rules = self.load(tmp_path, 'status = "off"\n')
        assert rules.series == []
        assert rules.rule("good") is None


class TestDigest:
    def digest(self, tmp_path: Path, name: str, text: str) -> str:
        write_rule(tmp_path / name, "good", text, cases=False)
        return RuleSet(load_rules([tmp_path / name])).digest

    def test_it_changes_with_what_decides_and_not_with_tests(self, tmp_path: Path) -> None:
        first = self.digest(tmp_path, "first", GOOD)
        assert first.startswith("sha256:")
        assert self.digest(tmp_path, "again", GOOD) == first
        assert self.digest(tmp_path, "tests", GOOD.replace("silent", "quiet").replace("T09", "T10")) == first
        assert self.digest(tmp_path, "layout", "# a comment\n" + GOOD.replace("risk = 50", "risk   =   50")) == first
        for number, (old, new) in enumerate(
            [("limit = 5", "limit = 6"), ("risk = 50", "risk = 51"), ("10m", "11m"), (">=", ">")]
        ):
            assert self.digest(tmp_path, f"changed-{number}", GOOD.replace(old, new, 1)) != first


@pytest.mark.parametrize(
    ("over", "span"),
    [("30s", 30 * SECOND), ("10m", 10 * MINUTE), ("3h", 3 * HOUR), ("30d", 30 * DAY), ("720h", 30 * DAY)],
)
def test_spans(over: str, span: int) -> None:
    assert Window(count="events", by=["account"], over=over).span == span


@pytest.mark.parametrize("over", ["", "10", "m", "1.5h", "-1m", "10M", "01m", "10m ", "1w", "721h"])
def test_what_is_no_span(over: str) -> None:
    with pytest.raises(ValueError, match="10m"):
        _ = Window(count="events", by=["account"], over=over).span


def test_packaged_rules_load() -> None:
    assert {path.stem for path in packaged_rules().glob("*.toml")} == {
        file.compiled.rule.id for file in load_rules([packaged_rules()])
    }

"""Positions of TOML keys and values, as an editor would jump to them."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.errors import FileError
from sentinel.toml_source import TomlFile, dotted

TEXT = '''\
title = "é" # comment
server.smtp."port no" = 25
list = [
  1, # one
  { x = 1, 'y z' = 2 },
]
when = """
  a > 1
    && b"""
["quoted \\u00e9".sub]
k = true
[[test]]
given = [{ place = { country = "FR" } }]
event = {}
[[test]]
given = []
[test.inner]
n = 1
[[test.deep]]
m = 1
[[test.deep]]
m = 2
'''
FILE = TomlFile.parse(TEXT, "x.toml")


@pytest.mark.parametrize(
    ("key", "place"),
    [
        (("title",), (1, 1)),
        (("server",), (2, 1)),
        (("server", "smtp"), (2, 8)),
        (("server", "smtp", "port no"), (2, 13)),
        (("list", 0), (4, 3)),
        (("list", 1, "x"), (5, 5)),
        (("list", 1, "y z"), (5, 12)),
        (("quoted é",), (10, 2)),
        (("quoted é", "sub", "k"), (11, 1)),
        (("test",), (12, 3)),
        (("test", 1), (15, 3)),
        (("test", 0, "given", 0, "place", "country"), (13, 22)),
        (("test", 1, "given"), (16, 1)),
        (("test", 1, "inner", "n"), (18, 1)),
        (("test", 1, "deep", 0, "m"), (20, 1)),
        (("test", 1, "deep", 1, "m"), (22, 1)),
        (("absent",), (0, 0)),
        (("test", 2), (0, 0)),
        (("title", "x"), (0, 0)),
    ],
)
def test_position_of_keys(key: tuple[str | int, ...], place: tuple[int, int]) -> None:
    assert FILE.position(*key) == place


def test_columns_count_characters_not_bytes() -> None:
    file = TomlFile.parse('a = { "é" = "ü", b = 1 }', "x.toml")
    assert file.position("a", "b") == (1, 18)


def test_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b'\xef\xbb\xbfa = 1\r\nb = """\r\nx\r\n y"""\r\n[t]\r\nc = 2\r\n')
    file = TomlFile.read(path)
    assert file.data["b"] == "x\n y"
    assert file.position("t", "c") == (6, 1)
    assert file.place_in_value("b", line=2, column=2) == (4, 2)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ('k = "abc"', (1, 6)),
        ("k = 'abc'", (1, 6)),
        ('k = """abc"""', (1, 8)),
        ('k = """\nabc"""', (2, 1)),
        ("k = '''\n  abc'''", (2, 1)),
        ("k = 12", (1, 5)),
    ],
)
def test_value_position_is_where_the_content_begins(source: str, place: tuple[int, int]) -> None:
    assert TomlFile.parse(source, "x.toml").value_position("k") == place


# Each value holds one "!"; it must be found where it stands in the source.
MARKED = [
    'k = "ab !"',
    "k = 'ab !'",
    'k = "say \\"a\\" \\u00e9 \\U0001F600 !"',
    'k = "a\\nb !"',
    "k = 'back\\slash\\n !'",
    'k = """ab !"""',
    'k = """\nab !\ncd"""',
    'k = """\nab\n   cd\n !"""',
    'k = """\nab \\\n     \n   cd !"""',
    "k = '''\nab \\\n cd !'''",
    'k = """a ""quoted"" !"""',
    'k = """\n\nab !"""',
    'k = """a\n!\n"""',
]


@pytest.mark.parametrize("source", MARKED)
def test_place_in_value_points_at_the_same_character(source: str) -> None:
    file = TomlFile.parse(source, "x.toml")
    line, column = marker(file.data["k"])
    assert file.place_in_value("k", line=line, column=column) == marker(source)


def test_place_in_a_value_inside_an_array() -> None:
    file = TomlFile.parse('["é"]\nk = ["ü", \'é !\']', "x.toml")
    assert file.place_in_value("é", "k", 1, line=1, column=3) == (2, 14)


def marker(text: str) -> tuple[int, int]:
    before = text[: text.index("!")]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def test_place_beyond_the_value_is_its_end() -> None:
    file = TomlFile.parse("k = '''\nab\ncd'''\n", "x.toml")
    assert file.place_in_value("k", line=1, column=99) == (2, 3)
    assert file.place_in_value("k", line=9, column=1) == (3, 3)
    assert file.place_in_value("absent", line=1, column=1) == (0, 0)


def test_error_names_file_key_and_place() -> None:
    error = FILE.error("wrong", "test", 1, "given")
    assert (error.path, error.key, error.line, error.column) == ("x.toml", "test[1].given", 16, 1)
    assert str(error) == "x.toml:16:1: test[1].given: wrong"


def test_error_about_a_missing_key_points_at_its_table() -> None:
    assert FILE.error("missing", "test", 1, "fires").line == 15
    assert FILE.error("missing", "status").line == 0


def test_dotted_quotes_what_needs_quotes() -> None:
    assert dotted("tenants", 'a "b"', "lists", 0, "c") == 'tenants."a \\"b\\"".lists[0].c'


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("a = 1\nb = \n", 2, 5),
        ("a = 1\n\n[x\n", 3, 3),
        ('a = 1\nb = """\nno end', 3, 7),
        ("a = 1\nb = 2 c = 3", 2, 7),
        ("a = 1\na = 2\n", 2, 6),
    ],
)
def test_syntax_errors_have_a_place(source: str, line: int, column: int) -> None:
    with pytest.raises(FileError, match="not valid TOML") as caught:
        TomlFile.parse(source, "x.toml")
    assert (caught.value.path, caught.value.line, caught.value.column) == ("x.toml", line, column)
    assert "(at " not in caught.value.message


def test_absurd_nesting_is_an_error_not_a_crash() -> None:
    with pytest.raises(FileError, match="nested too deeply"):
        TomlFile.parse("a = " + "[" * 5000 + "]" * 5000, "x.toml")
    long = ".".join("a" * 3000)
    assert TomlFile.parse(f"{long} = 1", "x.toml").position(*"a" * 3000) == (1, 5999)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        TomlFile.read(tmp_path / "absent.toml")
    with pytest.raises(FileError, match="cannot be read"):
        TomlFile.read(tmp_path)
    bad = tmp_path / "latin.toml"
    bad.write_bytes('a = 1\nb = "é'.encode() + b'\xe9"\n')
    with pytest.raises(FileError, match="UTF-8") as caught:
        TomlFile.read(bad)
    assert (caught.value.line, caught.value.column) == (2, 7)
    bad.write_bytes(b"\xef\xbb\xbfa = \xe9")
    with pytest.raises(FileError, match="UTF-8") as caught:
        TomlFile.read(bad)
    assert (caught.value.line, caught.value.column) == (1, 5)


names = st.text("abé .\"'\\", min_size=1, max_size=4)
values = st.recursive(
    st.booleans() | st.integers(0, 9) | st.text("a\"'\\é\n ", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


def write(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(write, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{write(k)} = {write(v)}" for k, v in value.items()) + "}"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return str(value)


def paths(value: object, prefix: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [path for k, v in items for path in [(*prefix, k), *paths(v, (*prefix, k))]]


@given(st.dictionaries(names, values, max_size=4))
def test_every_value_has_a_position(data: dict[str, object]) -> None:
    text = "\n".join(f"{write(k)} = {write(v)}" for k, v in data.items())
    assert tomllib.loads(text) == data
    file = TomlFile.parse(text, "x.toml")
    assert all(file.position(*path) != (0, 0) for path in paths(data))

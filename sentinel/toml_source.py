"""TOML that can say where a value stands in its file.

``tomllib`` gives values without positions, tree-sitter gives positions without values. The syntax tree is
only built when a position is asked for, so a file without errors costs no more than ``tomllib``.
Lines and columns count from 1; columns count characters, as editors do, not bytes.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

import tree_sitter
import tree_sitter_toml

from sentinel.errors import FileError

Key = str | int
Place = tuple[int, int]

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_KEYS = ("bare_key", "quoted_key", "dotted_key")


class TomlFile:
    """One parsed file: ``path`` as shown in errors, its ``text``, and the values in ``data``."""

    def __init__(self, path: str, text: str, data: dict[str, Any]) -> None:
        self.path = path
        self.text = text
        self.data = data
        self._positions: _Positions | None = None

    @classmethod
    def read(cls, path: Path) -> "TomlFile":
        """Reads and parses a file; FileError when it is missing, unreadable, not UTF-8 or not TOML."""
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            raise FileError(str(path), "there is no such file") from None
        except OSError as error:
            raise FileError(str(path), f"cannot be read: {error.strerror}") from None
        try:
            # Editors on Windows put a byte order mark first, which tomllib takes for a wrong statement.
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line, column = _end(error.object[: error.start].decode("utf-8-sig"))
            message = "not valid UTF-8; save it as UTF-8"
            raise FileError(str(path), message, line=line, column=column) from None
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, path: str) -> "TomlFile":
        """Parses text; FileError with line and column when it is not TOML."""
        try:
            return cls(path, text, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            message = str(error)
            found = _AT.search(message)
            line, column = 0, 0
            if found:
                message = message[: found.start()]
                line, column = (int(found[1]), int(found[2])) if found[1] else _end(text)
            raise FileError(path, f"not valid TOML: {message}", line=line, column=column) from None
        except RecursionError:
            raise FileError(path, "not valid TOML: nested too deeply") from None

    def position(self, *key: Key) -> Place:
        """Line and column of a key, or of an item of an array; (0, 0) when it is not in the file."""
        node = self._index.keys.get(key)
        return self._index.place(node) if node else (0, 0)

    def value_position(self, *key: Key) -> Place:
        """Line and column of a value; of a string, of its first character of content; (0, 0) when absent."""
        node = self._index.values.get(key)
        if node is None:
            return (0, 0)
        line, column = self._index.place(node)
        text = self._index.text(node)
        return _advance(line, column, text[: _opening(text)])

    def place_in_value(self, *key: Key, line: int, column: int) -> Place:
        """Where a line and column inside a string's value (a CEL expression) stand in the file.

        Escapes and line continuations are followed, so the place is right behind them too. A place beyond the
        value is its end; (0, 0) when the key is absent.
        """
        node = self._index.values.get(key)
        if node is None:
            return (0, 0)
        raw = self._index.text(node)
        start = _opening(raw)
        content = raw[start : len(raw) - (3 if raw[:3] in ('"""', "'''") else 1 if start else 0)]
        offset = _source_offset(content, line, column, escapes=raw.startswith('"'))
        return _advance(*self._index.place(node), raw[: start + offset])

    def error(self, message: str, *key: Key) -> FileError:
        """An error about a key; about a missing one it points at the nearest table that is there."""
        known: tuple[Key, ...] = key
        while known and known not in self._index.keys:
            known = known[:-1]
        line, column = self.position(*known)
        return FileError(self.path, message, key=dotted(*key), line=line, column=column)

    @property
    def _index(self) -> "_Positions":
        if self._positions is None:
            self._positions = _Positions(self.text)
        return self._positions


def toml_files(directory: Path) -> list[Path]:
    """The TOML files of a folder by name; none when it is not there. Hidden ones are editors' and no one's rules."""
    return sorted(path for path in directory.glob("*.toml") if not path.name.startswith("."))


def dotted(*key: Key) -> str:
    """A key as people write it: ``smtp.port``, ``test[1].given``, ``tenants."a b"``; items count from 0."""
    out = ""
    for part in key:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            if not _BARE.fullmatch(part):
                part = '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
            out += f".{part}" if out else part
    return out


class _Positions:
    """Syntax nodes by key path; tables that a header or dotted key implies have the position of that part."""

    def __init__(self, text: str) -> None:
        # tomllib reads \r\n as \n, so the value of a multi-line string has no \r either.
        self._source = text.replace("\r\n", "\n").encode()
        self._lines = self._source.split(b"\n")
        self.keys: dict[tuple[Key, ...], tree_sitter.Node] = {}
        self.values: dict[tuple[Key, ...], tree_sitter.Node] = {}
        self._sizes: dict[tuple[Key, ...], int] = {}
        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))
        self._tree = parser.parse(self._source)
        for node in self._tree.root_node.named_children:
            if node.type == "pair":
                self._pair((), node)
            elif node.type in ("table", "table_array_element"):
                self._table(node)

    def place(self, node: tree_sitter.Node) -> Place:
        row, byte = node.start_point
        return row + 1, len(self._lines[row][:byte].decode()) + 1

    def text(self, node: tree_sitter.Node) -> str:
        return self._source[node.start_byte : node.end_byte].decode()

    def _table(self, node: tree_sitter.Node) -> None:
        array = node.type == "table_array_element"
        inside = [child for child in node.named_children if child.type != "comment"]
        if not inside or inside[0].type not in _KEYS:
            return
        head, *pairs = inside
        path: tuple[Key, ...] = ()
        parts = self._parts(head)
        for number, (name, part) in enumerate(parts, 1):
            path += (name,)
            self.keys.setdefault(path, part)
            if array and number == len(parts):
                self._sizes[path] = self._sizes.get(path, 0) + 1
            if path in self._sizes:
                path += (self._sizes[path] - 1,)
                self.keys.setdefault(path, part)
        for pair in pairs:
            self._pair(path, pair)

    def _pair(self, prefix: tuple[Key, ...], node: tree_sitter.Node) -> None:
        children = [child for child in node.named_children if child.type != "comment"]
        if len(children) != 2 or children[0].type not in _KEYS:
            return
        path = prefix
        for name, part in self._parts(children[0]):
            path += (name,)
            self.keys.setdefault(path, part)
        self._value(path, children[1])

    def _value(self, path: tuple[Key, ...], node: tree_sitter.Node) -> None:
        self.values[path] = node
        inner = [child for child in node.named_children if child.type != "comment"]
        if node.type == "inline_table":
            for pair in inner:
                self._pair(path, pair)
        elif node.type == "array":
            for number, item in enumerate(inner):
                self.keys[(*path, number)] = item
                self._value((*path, number), item)

    def _parts(self, node: tree_sitter.Node) -> list[tuple[str, tree_sitter.Node]]:
        # A dotted key nests to the left; a long one would exhaust recursion.
        parts: list[tuple[str, tree_sitter.Node]] = []
        waiting = [node]
        while waiting:
            part = waiting.pop()
            if part.type == "dotted_key":
                waiting.extend(child for child in reversed(part.named_children) if child.type in _KEYS)
                continue
            name = self.text(part)
            if part.type == "quoted_key":
                name = next(iter(tomllib.loads(f"{name} = 0")))
            parts.append((name, part))
        return parts


def _opening(raw: str) -> int:
    """Characters before a string's content: quotes and the newline that TOML trims; 0 for other values."""
    if raw[:3] in ('"""', "'''"):
        return 4 if raw[3:4] == "\n" else 3
    return 1 if raw[:1] in ('"', "'") else 0


def _source_offset(content: str, line: int, column: int, *, escapes: bool) -> int:
    """Characters of source before the character that is at line and column of the decoded value."""
    at = 0
    value_line, value_column = 1, 1
    while at < len(content):
        length, newline, joins = 1, content[at] == "\n", False
        if escapes and content[at] == "\\":
            kind = content[at + 1]
            length = {"u": 6, "U": 10}.get(kind, 2)
            newline, joins = kind == "n", kind in " \t\n"
        if joins:
            # A backslash at the end of a line takes all white space up to the next word with it.
            at += 1 + len(content[at + 1 :]) - len(content[at + 1 :].lstrip(" \t\n"))
            continue
        if (value_line, value_column) >= (line, column) or (newline and value_line == line):
            break
        at += length
        value_line, value_column = (value_line + 1, 1) if newline else (value_line, value_column + 1)
    return at


def _advance(line: int, column: int, text: str) -> Place:
    """The place behind a piece of text that starts at line and column."""
    lines = text.split("\n")
    return (line, column + len(text)) if len(lines) == 1 else (line + len(lines) - 1, len(lines[-1]) + 1)


def _end(text: str) -> Place:
    return _advance(1, 1, text.replace("\r\n", "\n"))

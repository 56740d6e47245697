"""An operator's own templates: which of them can be used, and what is wrong with the others.

They are tried with samples of every kind in every language before a mail is written with them. What they may say is
theirs; what a mail promises stays: nothing is loaded from elsewhere, no link but that of the answer page, the case
number in both twins, and no value becomes markup. Where one is wrong, the template that comes along is used instead.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import TemplateNotFound, TemplateSyntaxError, nodes

from sentinel.alerts.address import check_address
from sentinel.alerts.identity import Identity
from sentinel.alerts.markup import structure, trouble_in_html, trouble_in_text
from sentinel.alerts.rendering import FILTERS, SHIPPED, Parts, Sandbox, Templates
from sentinel.alerts.samples import sample, sample_attributes
from sentinel.alerts.values import values_of
from sentinel.alerts.words import Words
from sentinel.events.alert import KINDS
from sentinel.language import LANGUAGES, language

#: Files that are read, and bytes of one.
MAX_FILES: Final = 64
MAX_BYTES: Final = 64_000
#: Longest part of a mail that own templates may make of a sample, in characters: longer mails are cut by some programs.
MAX_PART: Final = 90_000
_SAMPLE_URL: Final = "https://security.example.org/answer/sample"
_SAMPLE_LOGO: Final = "logo@example.org"
#: A value that breaks out of text, attribute and tag, wherever a template should not have put it.
_HOSTILE: Final = "x\" ' onx=y > <i> < ` z=x"

#: What own templates may be made of. Nothing here can loop without end, or double a text.
_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr),
    *(nodes.Block, nodes.Extends, nodes.For, nodes.Tuple, nodes.Compare, nodes.Operand, nodes.And, nodes.Or),
    *(nodes.Not, nodes.Filter, nodes.Test, nodes.Call, nodes.Keyword),
)
_CALLS: Final = frozenset({"gettext", "ngettext", "super"})


def templates_in(folder: Path | None) -> Templates:
    """The templates with the usable ones of ``folder`` over them. Changed files are tried anew."""
    return SHIPPED if folder is None else _tried(folder, _state(folder))[0]


def trouble_with(folder: Path | None) -> dict[str, str]:
    """What is wrong, by the name of the file; those come along are used in place of these. Empty: nothing."""
    return {} if folder is None else _tried(folder, _state(folder))[1]


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    found = []
    for path in _files(folder):
        try:
            state = path.stat()
        except OSError:
            continue  # gone since
        found.append((path.relative_to(folder).as_posix(), state.st_mtime_ns, state.st_size))
    return tuple(found)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".html", ".txt") and path.is_file())


@lru_cache(maxsize=64)  # each tenant may have a folder, and trying one takes seconds
def _tried(folder: Path, state: tuple[tuple[str, int, int], ...]) -> tuple[Templates, dict[str, str]]:
    if not folder.is_dir():
        return SHIPPED, {".": "there is no such folder"}
    if len(state) > MAX_FILES:
        return SHIPPED, {".": f"it has more than {MAX_FILES} templates"}
    sources, trouble = {}, {}
    for name, _, size in state:
        try:
            if size > MAX_BYTES:
                raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
            sources[name] = (folder / name).read_text("utf-8")
            _check_source(name, sources[name])
        except (OSError, ValueError, TemplateSyntaxError) as error:
            sources.pop(name, None)
            trouble[name] = _in_words(error)
    if _try(sources) is None:
        return Templates(sources), trouble
    # One by one, layouts first: what others extend is at the top of the folder.
    good: dict[str, str] = {}
    for name in sorted(sources, key=lambda name: (name.count("/"), name)):
        wrong = _try({**good, name: sources[name]})
        if wrong is None:
            good[name] = sources[name]
        else:
            trouble[name] = wrong
    return Templates(good), trouble


def _check_source(name: str, source: str) -> None:
    """ValueError or TemplateSyntaxError for what templates may not do."""
    tree = Sandbox({}, language("en")).parse(source, name)
    for node in _walk(tree):
        line = getattr(node, "lineno", None) or 0
        if isinstance(node, nodes.Call):
            called = node.node.name if isinstance(node.node, nodes.Name) else ""
            if called not in _CALLS or node.dyn_args is not None or node.dyn_kwargs is not None:
                raise ValueError(f"line {line}: calls are not allowed, but for super()")
            # What is translated counts as markup, so it must be the template's own text.
            if not all(isinstance(each, nodes.Const) for each in node.args[: 2 if called == "ngettext" else 1]):
                raise ValueError(f"line {line}: only a text that stands there can be translated")
        elif isinstance(node, nodes.Filter):
            if node.name not in FILTERS:
                raise ValueError(
                    f"line {line}: there is no filter {node.name!r}; there are {', '.join(sorted(FILTERS))}"
                )
        elif isinstance(node, nodes.For):
            # A block may be replaced by one with a loop, and so on: loops within loops by another name.
            inner = (nodes.For, nodes.Block)
            if not isinstance(node.iter, nodes.Name) or node.recursive or any(True for _ in node.find_all(inner)):
                raise ValueError(
                    f"line {line}: loops go over one named value, such as facts, with no loop or block within"
                )
        elif not isinstance(node, _ALLOWED):
            what = type(node).__name__
            raise ValueError(f"line {line}: {what} is not allowed; text, values, trans, if, for, block and extends are")  # noqa: TRY004  # of a template


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _try(sources: Mapping[str, str]) -> str | None:
    """What is wrong with mails written with ``sources`` over the templates that come along."""
    if not sources:
        return None
    templates = Templates(sources)
    for kind in KINDS:
        for code in LANGUAGES:
            for answer_url in (None, _SAMPLE_URL):
                values = _sample_values(kind, code, answer_url)
                try:
                    parts = templates.render(kind, values, language(code))
                    hostile = templates.render(kind, _hostile(values), language(code))
                    wrong = _wrong(parts, hostile, values)
                except Exception as error:  # whatever a template may raise, the mail is written with another
                    wrong = _in_words(error)
                if wrong:
                    return f"{kind} in {code}: {wrong}"
    return None


def _sample_values(kind: str, code: str, answer_url: str | None) -> dict[str, Any]:
    notice, words = sample(kind), Words(language(code))
    identity = Identity(
        service_name="Example", from_header="Example <security@example.org>", support="room 4", imprint="Example Ltd"
    )
    attributes = sample_attributes() if notice.account else None
    to = check_address("ada@example.org")
    return values_of(notice, attributes, identity, words, to=to, answer_url=answer_url, logo=_SAMPLE_LOGO)


def _hostile(values: dict[str, Any]) -> dict[str, Any]:
    """The values with every text of somebody's in them hostile."""
    kept = ("type", "outcome", "case", "answer_url", "logo", "lang")
    found = {
        name: value + _HOSTILE if isinstance(value, str) and name not in kept and "colour" not in name else value
        for name, value in values.items()
    }
    case = values["case"]
    found["facts"] = [(label, value if value == case else value + _HOSTILE) for label, value in values["facts"]]
    found["reasons"] = [reason + _HOSTILE for reason in values["reasons"]]
    return found


def _wrong(parts: Parts, hostile: Parts, values: Mapping[str, Any]) -> str | None:
    if not parts.subject or len(parts.subject) > 200:
        return "its subject is empty or longer than 200 characters"
    if max(len(parts.text), len(parts.html)) > MAX_PART:
        return f"a part has more than {MAX_PART:,} characters"
    if values["case"] not in parts.text or values["case"] not in parts.html:
        return "the case number is missing in one of the twins"
    if structure(parts.html) != structure(hostile.html):
        return "a value stands within a tag, where it could become markup"
    return trouble_in_text(parts.text, values["answer_url"]) or trouble_in_html(
        parts.html, values["answer_url"], values["logo"]
    )


def _in_words(error: Exception) -> str:
    if isinstance(error, TemplateSyntaxError):
        return f"line {error.lineno}: {error.message}"
    if isinstance(error, TemplateNotFound):
        return f"there is no template {error.name}"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return f"{error}" or type(error).__name__

"""Brings the message catalogues up to date: collects the English texts, and puts new ones into every language.

`make messages` runs it. What is new stands there without a translation, what changed is marked fuzzy: both fail the
tests until somebody translated them. What is gone goes.
"""

import sys
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from sentinel.language import DOMAIN, LANGUAGES  # noqa: E402  # this tree, not an installed release
from sentinel.rules.load import load_rules  # noqa: E402

#: The export of a person's data has tables of texts by key, not catalogues; a model's ``say`` is another one.
_METHODS: Final = [
    ("export/**", "ignore"),
    ("models/**", "ignore"),
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2"),
    ("**/templates/**.txt", "jinja2"),
]
_OPTIONS: Final = {"**/templates/**.html": {"trimmed": "true"}, "**/templates/**.txt": {"trimmed": "true"}}
#: Functions whose argument is a text: ``mark`` for one that is said later.
_KEYWORDS: Final = {"mark": None, "say": None, "gettext": None, "ngettext": (1, 2)}

_HEADERS: Final = tuple(
    f'"{name}' for name in ("Project", "Report", "POT-", "PO-Rev", "Last-Tr", "Language-Team", "Generated")
)


def collected() -> Catalog:
    """Every English text that people read in another language."""
    catalog = Catalog(charset="utf-8")
    for name, line, message, comments, context in extract_from_dir(
        str(ROOT / "sentinel"), _METHODS, _OPTIONS, keywords=_KEYWORDS, comment_tags=("Translators:",)
    ):
        # Files without lines: else every edit of a file would change every catalogue.
        catalog.add(message, locations=[(f"sentinel/{name}", 0)], auto_comments=comments, context=context)
        assert line
    # Operators read the titles of rules about sources in campaign mails.
    for file in load_rules([ROOT / "rules"]):
        if file.compiled.rule.audience == "operator":
            catalog.add(file.compiled.rule.title, locations=[(f"rules/{file.compiled.rule.id}.toml", 0)])
    return catalog


def path_of(code: str) -> Path:
    """Where the catalogue of a language is."""
    return ROOT / "sentinel" / "language" / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def catalogue(code: str) -> Catalog:
    """The catalogue of a language as it is."""
    with path_of(code).open("rb") as file:
        return read_po(file, locale=code, domain=DOMAIN)


def write(code: str, found: Catalog) -> None:
    """Write the catalogue of a language, without headers that say when and by whom: git knows."""
    written = BytesIO()
    write_po(written, found, width=120, sort_by_file=True, include_lineno=False, ignore_obsolete=True)
    lines = written.getvalue().decode().strip().splitlines()
    path_of(code).write_text("\n".join(line for line in lines if not line.startswith(_HEADERS)) + "\n", "utf-8")


def main() -> None:
    """Update every catalogue and say what there is to translate."""
    template = collected()
    for code in LANGUAGES:
        if code == "en":
            continue
        found = catalogue(code)
        found.update(template, no_fuzzy_matching=False)
        found.obsolete.clear()
        write(code, found)
        open_ = [message for message in found if message.id and (message.fuzzy or not message.string)]
        print(f"{code}: {len(found)} texts, {len(open_)} to translate")


if __name__ == "__main__":
    main()

"""Mail templates: those that come along, with an operator's own over them, in a sandbox."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader, StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sentinel.language import Language

SHIPPED_FOLDER: Final = Path(__file__).parent / "templates"
#: Filters that templates may use; none of them makes more than it is given, or lets markup through.
FILTERS: Final = frozenset({"upper", "lower", "capitalize", "title", "trim", "e", "escape", "default", "d", "length"})
#: Calls (translations, ``super()``) in one part of a mail; ours make fewer than a hundred.
MAX_CALLS: Final = 1000


class Parts(msgspec.Struct, frozen=True):
    """A mail's three parts before they are wrapped and inlined."""

    subject: str
    text: str
    html: str


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja without globals, with few filters, and with an end."""

    def __init__(self, own: Mapping[str, str], spoken: Language) -> None:
        super().__init__(
            loader=ChoiceLoader([DictLoader(own), FileSystemLoader(SHIPPED_FOLDER)]),
            autoescape=lambda name: name is not None and name.endswith(".html"),
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.policies["ext.i18n.trimmed"] = True
        self.globals.clear()
        self.filters = {name: function for name, function in self.filters.items() if name in FILTERS}
        self.install_gettext_translations(spoken.translations, newstyle=True)  # type: ignore[attr-defined]
        self.calls = 0

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805  # as in Jinja
        __self.calls += 1
        if __self.calls > MAX_CALLS:
            raise SecurityError(f"it calls more than {MAX_CALLS} times")
        return super().call(__context, __obj, *args, **kwargs)


class Templates:
    """The templates that come along; ``own`` (name → source) stand over them."""

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        self.own = dict(own or {})
        self._sandboxes: dict[str, Sandbox] = {}

    def render(self, kind: str, values: Mapping[str, Any], language: Language) -> Parts:
        """The parts of a mail. Raises :class:`jinja2.TemplateError` and others for an own template that is wrong."""
        sandbox = self._sandbox(language)
        found = dict(values)
        found["subject"] = " ".join(_part(sandbox, f"{kind}/subject.txt", found).split())
        return Parts(
            found["subject"], _part(sandbox, f"{kind}/body.txt", found), _part(sandbox, f"{kind}/body.html", found)
        )

    def _sandbox(self, language: Language) -> Sandbox:
        if language.code not in self._sandboxes:
            self._sandboxes[language.code] = Sandbox(self.own, language)
        return self._sandboxes[language.code]


def _part(sandbox: Sandbox, name: str, values: Mapping[str, Any]) -> str:
    sandbox.calls = 0
    return sandbox.get_template(name).render(values)


SHIPPED: Final = Templates()

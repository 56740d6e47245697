"""sentinel's own format: one JSON object a line, events and the answers between them (CONTRACT §1)."""

from collections.abc import Iterable, Iterator

from sentinel.errors import FieldError
from sentinel.events.event import Event, Feedback, decode_line
from sentinel.sources.line import Ids, Line, Options, numbered


def read(lines: Iterable[bytes], options: Options) -> Iterator[Line]:
    """Read NDJSON; see :class:`sentinel.sources.line.Source`. No option applies: times name their zone."""
    ids = Ids()
    for number, text in numbered(lines):
        if isinstance(text, FieldError):
            yield Line(number, text)
            continue
        item: Event | Feedback | FieldError
        try:
            item = decode_line(text.removeprefix(b"\xef\xbb\xbf") if number == 1 else text)
        except FieldError as error:
            item = error
        yield Line(number, ids.name(item) if isinstance(item, Event) else item)

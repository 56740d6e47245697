"""NDJSON: events, and the answers between them."""

from sentinel.errors import FieldError
from sentinel.events.event import Event, Feedback
from sentinel.sources import SOURCES, Options


def test_answers_stand_between_events() -> None:
    lines = [
        b'\xef\xbb\xbf{"id": "e-1", "time": "2026-01-01T12:00:00Z", "account": "u-1", "outcome": "success"}\n',
        b'{"type": "feedback", "time": "2026-01-01T12:05:00Z", "event": "e-1", "verdict": "legitimate"}\n',
        b'{"type": "feedback", "time": "2026-01-01T12:05:00Z", "event": "e-1", "verdict": "fine"}\n',
        b'{"time": "2026-01-01T12:00:00Z", "account": "u-1", "outcome": "success", "colour": 1}',
    ]
    event, answer, bad, unknown = (line.item for line in SOURCES["native"](lines, Options()))
    assert isinstance(event, Event)
    assert event.id == "e-1"
    assert isinstance(answer, Feedback)
    assert answer.event == "e-1"
    assert isinstance(bad, FieldError)
    assert bad.field == "verdict"
    assert isinstance(unknown, FieldError)
    assert unknown.field == "colour"

"""Answers: lifting one "compromised" does not lift another."""

from sentinel.past.profile import Profile
from sentinel.pipeline.answers import apply_answer
from sentinel.store.protocol import Record
from tests.builders import sighting


def record(key: str) -> Record:
    return Record(
        key=key, tenant="default", account="a", time=1, type="login", body=b"", sighting=b"", windows=b"",
        assessment=b"",
    )  # fmt: skip


def test_each_compromised_event_is_lifted_on_its_own() -> None:
    profile = Profile()
    first, second = sighting(id="e-1"), sighting(id="e-2")
    for seen in (first, second):
        apply_answer(profile, seen, record(seen.key), "compromised")
    apply_answer(profile, second, record(second.key), "legitimate")
    assert list(profile.compromised) == [first.key]
    apply_answer(profile, first, record(first.key), "legitimate")
    assert profile.compromised == {}

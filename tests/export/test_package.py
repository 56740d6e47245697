"""The archive: everything is in it, its parts agree, the same data gives the same bytes."""

import io
import json
import tracemalloc
from hashlib import sha256
from zipfile import ZipFile

import msgspec
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from sentinel.export import sheet
from sentinel.export.data import Document, Held
from sentinel.export.data_event import EventData
from sentinel.export.package import PAGE_EVENTS, Manifest, Package
from sentinel.export.schema import document_schema, structs
from tests.export.samples import HOSTILE, held, life

STORY, EVENTS, NAMES = life()
HELD = held(STORY, NAMES)


def packed(events: list[EventData] = EVENTS, given: Held = HELD) -> tuple[bytes, Manifest]:
    package = Package({"device.new": "The device is not known."})
    for event in events:
        package.add(event)
    file = io.BytesIO()
    manifest = package.write(file, given)
    return file.getvalue(), manifest


def files(data: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def speaking(locale: str | None) -> Held:
    return msgspec.structs.replace(HELD, account=msgspec.structs.replace(HELD.account, locale=locale))


def test_data_decodes_to_what_was_given() -> None:
    data = files(packed()[0])["data.json"]
    document = msgspec.json.decode(data, type=Document)
    assert document == Document(**msgspec.structs.asdict(HELD), events=EVENTS)
    assert [event.user_agent for event in document.events][13] == HOSTILE


def test_without_events_it_is_a_document_too() -> None:
    data = files(packed([])[0])["data.json"]
    assert msgspec.json.decode(data, type=Document) == Document(**msgspec.structs.asdict(HELD))


def test_the_schema_holds_for_the_data_and_for_nothing_else() -> None:
    found = files(packed()[0])
    schema = json.loads(found["data.schema.json"])
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    data = json.loads(found["data.json"])
    validator.validate(data)
    data["events"][0]["place"]["lat"] = "north"
    data["schema"] = 2
    assert {tuple(error.absolute_path) for error in validator.iter_errors(data)} == {
        ("schema",),
        ("events", 0, "place", "lat"),
    }


def test_the_schema_describes_every_field() -> None:
    definitions = document_schema()["$defs"]
    assert set(definitions) == set(structs())
    for name, definition in definitions.items():
        for field, described in definition["properties"].items():
            assert described["description"].endswith("."), f"{name}.{field}"


def test_the_manifest_has_size_and_hash_of_every_file() -> None:
    found = files(packed()[0])
    manifest = msgspec.json.decode(found.pop("manifest.json"), type=Manifest)
    assert (manifest.schema, manifest.made, manifest.events) == (1, HELD.made, len(EVENTS))
    assert {entry.name: (entry.size, entry.sha256) for entry in manifest.files} == {
        name: (len(data), sha256(data).hexdigest()) for name, data in found.items()
    }


def test_the_same_data_gives_the_same_bytes() -> None:
    first, second = packed(), packed()
    assert first == second
    with ZipFile(io.BytesIO(first[0])) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 & 0o777 for info in archive.infolist()} == {0o600}


def test_it_can_be_written_to_what_cannot_go_back() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

        tell = seek

    package = Package()
    package.add(EVENTS[0])
    pipe = Pipe()
    package.write(pipe, HELD)
    assert json.loads(files(pipe.getvalue())["data.json"])["events"][0]["id"] == "e-1"


@pytest.mark.parametrize(
    ("locale", "pages"),
    [("de-AT", ["index.html"]), ("en", ["index.html"]), ("fr", ["index.en.html", "index.de.html"])],
)
def test_the_page_is_in_the_persons_language_else_in_all(locale: str, pages: list[str]) -> None:
    found = files(packed(given=speaking(locale))[0])
    assert [name for name in found if name.endswith(".html")] == pages
    if len(pages) == 1:
        assert f'<html lang="{locale[:2]}">'.encode() in found["index.html"]
    else:
        assert b'href="index.de.html"' in found["index.en.html"]
        assert b'<html lang="de">' in found["index.de.html"]


def test_many_events_are_not_held_in_memory() -> None:
    count = 20_000
    package = Package()
    tracemalloc.start()
    try:
        for number in range(count):
            package.add(msgspec.structs.replace(EVENTS[number % len(EVENTS)], id=f"e-{number}"))
        file = io.BytesIO()
        package.write(file, speaking("en"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    found = files(file.getvalue())
    assert len(msgspec.json.decode(found["data.json"], type=Document).events) == count
    assert sum(1 for _ in sheet.read(found["events.csv"])) == count
    page = found["index.html"].decode()
    assert page.count('<span class="time">') == PAGE_EVENTS
    assert f"newest {PAGE_EVENTS} of {count}" in page
    # The page (9 MB of it) costs most; the events as JSON alone would be 40 MB.
    assert peak < len(found["data.json"])

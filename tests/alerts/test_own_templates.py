"""An operator's own templates: used where they are good, left out and told of where they are not."""

import os
from pathlib import Path

import msgspec
import pytest

from sentinel.alerts.compose import Identity, compose
from sentinel.alerts.own_templates import MAX_FILES, templates_in, trouble_with
from sentinel.alerts.samples import sample, sample_attributes
from sentinel.config import load
from sentinel.daemon.mail import brand_trouble
from tests.alerts.mails import html_of, text_of

IDENTITY = Identity(service_name="Example", from_header="Example <security@example.org>")


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def both(folder: Path, kind: str = "attack") -> tuple[str, str, str]:
    notice = sample(kind)
    identity = msgspec.structs.replace(IDENTITY, templates=folder)
    message = compose(notice, sample_attributes(), identity, recipient="ada@example.org", now=notice.time)
    return str(message["Subject"]), text_of(message), html_of(message)


GREETING = {
    "person.txt": '{% extends "layout.txt" %}\n{% block advice %}Hello from {{ service }}.{% endblock %}\n',
    "person.html": '{% extends "layout.html" %}\n{% block advice %}<p>Hello from {{ service }}.</p>{% endblock %}\n',
}


def test_good_ones_stand_over_those_that_come_along(tmp_path: Path) -> None:
    put(tmp_path, {**GREETING, "attack/subject.txt": "{% trans %}Was this you?{% endtrans %} {{ service | upper }}"})
    assert trouble_with(tmp_path) == {}
    subject, text, html = both(tmp_path)
    assert subject == "Was this you? EXAMPLE"
    assert "Hello from Example." in text
    assert "Hello from Example." in html
    assert "The latest attempt was stopped." in " ".join(text.split())  # of the template that comes along


def test_templates_that_extend_each_other_come_together(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "house.txt": '{% extends "layout.txt" %}\n{% block closing %}House rules{% endblock %}\n',
            "attack/body.txt": '{% extends "house.txt" %}\n{% block what %}Attack{% endblock %}\n',
            "broken.txt": "{% if %}",
        },
    )
    assert list(trouble_with(tmp_path)) == ["broken.txt"]
    assert "House rules" in both(tmp_path)[1]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{% if %}", "line 1: Expected an expression"),
        ("{{ nobody_knows }}", "'nobody_knows' is undefined"),
        ("{{ ''.__class__.__mro__ }}", "Getattr is not allowed"),
        ("{{ facts[0] }}", "Getitem is not allowed"),
        ("{{ service.upper() }}", "calls are not allowed"),
        ("{{ cycler('a') }}", "calls are not allowed"),
        ("{{ case }}{{ gettext(service) }}", "only a text that stands there can be translated"),
        ("{{ service | safe }}", "there is no filter 'safe'"),
        ("{{ service | attr('x') }}", "there is no filter 'attr'"),
        ("{% autoescape false %}{{ service }}{% endautoescape %}", "is not allowed"),
        ("{% set x = service ~ service %}", "is not allowed"),
        ("{% macro f(x) %}{{ f(x) }}{% endmacro %}", "Macro is not allowed"),
        ("{% include 'layout.html' %}", "Include is not allowed"),
        ("{% import 'layout.html' as x %}", "Import is not allowed"),
        ("{{ 'x' * 999999999 }}", "Mul is not allowed"),
        ("{% for x in 'abc' %}{% endfor %}", "loops go over one named value"),
        ("{% for a in facts %}{% for b in facts %}{{ b }}{% endfor %}{% endfor %}", "no loop or block within"),
        ("{% for a in facts %}{% block b %}{{ case }}{% endblock %}{% endfor %}", "no loop or block within"),
        ("{% extends 'attack/body.html' %}", "recursion"),
        ("{% extends '../../secrets.html' %}", "there is no template"),
        ("no case number", "the case number is missing"),
        ("{{ case }}<script>x</script>", "<script> is not allowed"),
        ("{{ case }}<form action=x>", "<form> is not allowed"),
        ("{{ case }}<p onclick=x>", "the attribute onclick is not allowed"),
        ("{{ case }}<img src='https://evil.example/pixel.png'>", "a picture is loaded from elsewhere"),
        ("{{ case }}<a href='https://example.org/login'>log in</a>", "a link that is not the answer page's"),
        ("{{ case }}<p style='background: URL(x)'>", "a style loads something"),
        ("{{ case }}<style>@import 'x';</style>", "a style loads something"),
        ("{{ case }} log in at https://example.org/", "there is a web address"),
        ("{{ case }}<p title={{ service }}>x</p>", "a value stands within a tag"),
        ("{{ case }}<p style='color: {{ service }}'>x</p>", "a value stands within a tag"),
        ("{{ case }}" + "<p>long</p>" * 9_000, "bytes"),
    ],
)
def test_a_bad_one_is_told_of_and_not_used(tmp_path: Path, source: str, reason: str) -> None:
    put(tmp_path, {"attack/body.html": source})
    trouble = trouble_with(tmp_path)
    assert list(trouble) == ["attack/body.html"]
    assert reason in trouble["attack/body.html"]
    assert both(tmp_path) == both(tmp_path / "nothing")


def test_one_that_fails_with_a_real_mail_only_holds_none_back(tmp_path: Path) -> None:
    put(tmp_path, {"attack/body.txt": "{{ case }}{% if support and review and earlier == 41 %}{{ nobody }}{% endif %}"})
    assert trouble_with(tmp_path) == {}
    notice = msgspec.structs.replace(sample("attack"), earlier=41)
    identity = msgspec.structs.replace(IDENTITY, templates=tmp_path, support="room 4")
    message = compose(notice, sample_attributes(), identity, recipient="ada@example.org", now=notice.time)
    assert "Somebody has been trying to get into your Example account." in " ".join(text_of(message).split())


def test_calls_come_to_an_end(tmp_path: Path) -> None:
    files = {
        f"t{n}.txt": f'{{% extends "t{n - 1}.txt" %}}{{% block b %}}{"{{ super() }}" * 9}{{% endblock %}}'
        for n in range(1, 20)
    }
    put(
        tmp_path,
        {"t0.txt": "{{ case }}{% block b %}x{% endblock %}", **files, "attack/body.txt": '{% extends "t19.txt" %}'},
    )
    assert "calls more than" in trouble_with(tmp_path)["attack/body.txt"]


def test_the_folders_of_many_tenants_are_tried_once_each(tmp_path: Path) -> None:
    folders = [put(tmp_path / f"t-{n}", {"attack/subject.txt": f"{n} {{{{ service }}}}"}) for n in range(6)]
    first = [templates_in(folder) for folder in folders]
    assert all(one is again for one, again in zip(first, map(templates_in, folders), strict=True))


def test_changes_are_seen_at_once(tmp_path: Path) -> None:
    path = put(tmp_path, {"attack/subject.txt": "One {{ service }}"}) / "attack/subject.txt"
    assert both(tmp_path)[0] == "One Example"
    path.write_text("Another {{ service }}")
    os.utime(path, ns=(1, 1))
    assert both(tmp_path)[0] == "Another Example"


def test_a_missing_folder_and_too_many_files_are_told(tmp_path: Path) -> None:
    assert trouble_with(tmp_path / "missing") == {".": "there is no such folder"}
    put(tmp_path, {f"{number}.txt": "x" for number in range(MAX_FILES + 1)})
    assert trouble_with(tmp_path) == {".": f"it has more than {MAX_FILES} templates"}
    path = tmp_path / "sentinel.toml"
    path.write_text('[brand]\ntemplates = "missing"\n[tenants.a]\n')
    assert brand_trouble(load(path)) == [
        f"{tmp_path}/missing/.: there is no such folder; the template that comes along is used instead"
    ]

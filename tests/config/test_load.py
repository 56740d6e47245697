"""What operators meet when they write the configuration: good files, and slips with their place."""

from pathlib import Path

import pytest

from sentinel.config import Config, load
from sentinel.config import load as load_function
from sentinel.errors import FileError


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No configuration of the machine the tests run on."""
    monkeypatch.delenv("SENTINEL_CONFIG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setitem(load_function.__globals__, "SYSTEM_PATH", tmp_path / "etc.toml")
    return tmp_path


def loaded(folder: Path, text: str) -> Config:
    path = folder / "sentinel.toml"
    path.write_text(text)
    return load(path)


def refused(folder: Path, text: str) -> FileError:
    with pytest.raises(FileError) as caught:
        loaded(folder, text)
    assert caught.value.path == str(folder / "sentinel.toml")
    return caught.value


def test_defaults_without_a_file(tmp_path: Path) -> None:
    config = load()
    assert config.path is None
    assert config.state == tmp_path / "state" / "sentinel"
    assert config.store_url == f"sqlite:{tmp_path}/state/sentinel/sentinel.db"
    assert (config.listen.host, config.listen.port) == ("127.0.0.1", 8787)
    assert (config.decision.notify, config.decision.challenge, config.decision.block) == (40, 60, 90)
    assert config.retention.raw_days == 365
    assert config.smtp.from_.address == "sentinel@localhost"


def test_state_without_xdg_is_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for unusable in ("", "relative/path"):
        monkeypatch.setenv("XDG_STATE_HOME", unusable)
        assert load().state == tmp_path / ".local/state/sentinel"


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def port(number: int) -> str:
        return f"smtp.port = {number}"

    (tmp_path / "etc.toml").write_text(port(1))
    assert load().smtp.port == 1
    (tmp_path / "env.toml").write_text(port(2))
    monkeypatch.setenv("SENTINEL_CONFIG", str(tmp_path / "env.toml"))
    assert load().smtp.port == 2
    assert loaded(tmp_path, port(3)).smtp.port == 3
    # A named file that is missing is an error, never silently another one.
    monkeypatch.setenv("SENTINEL_CONFIG", str(tmp_path / "absent.toml"))
    with pytest.raises(FileError, match=r"absent\.toml: there is no such file"):
        load()


def test_relative_paths_are_relative_to_the_file_and_the_store_to_state(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        'state = "var"\nstore = "sqlite:x.db"\nlisten = "unix:api.sock"\nrules.directory = "rules"\n'
        'geo.lists = [{ kind = "office", path = "/lists/office" }]\n[smtp]\npassword_file = "pw"\n',
    )
    assert config.state == tmp_path / "var"
    assert config.store_url == f"sqlite:{tmp_path}/var/x.db"
    assert config.rules.directory == tmp_path / "rules"
    assert config.listen.path == str(tmp_path / "api.sock")
    assert config.smtp.password_file == tmp_path / "pw"
    assert [(one.kind, one.path) for one in config.geo.lists] == [("office", Path("/lists/office"))]


def test_absolute_and_other_stores_stay_as_they_are(tmp_path: Path) -> None:
    assert loaded(tmp_path, 'store = "sqlite:/srv/x.db"').store_url == "sqlite:/srv/x.db"
    assert loaded(tmp_path, 'store = "redis://192.0.2.1/0"').store_url == "redis://192.0.2.1/0"
    assert loaded(tmp_path, 'store = "sqlite::memory:"').store_url == "sqlite::memory:"


def test_unknown_key_has_its_line_and_a_suggestion(tmp_path: Path) -> None:
    error = refused(tmp_path, "# mail\n[smtp]\nhost = '192.0.2.1'\n  prot = 25\n")
    assert (error.key, error.line, error.column) == ("smtp.prot", 4, 3)
    assert "did you mean port?" in str(error)


def test_unknown_table_and_first_in_the_file_wins(tmp_path: Path) -> None:
    error = refused(tmp_path, "[decisions]\nblock = 5\n[smpt]\n")
    assert (error.key, error.line) == ("decisions", 1)
    assert "did you mean decision?" in str(error)


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("[smtp]\nlisten = '127.0.0.1:1'", "smtp.listen", "listen belongs at the top"),
        ("[retention]\nqueue_events = 5", "retention.queue_events", "queue_events in [http]"),
        ("raw_days = 3", "raw_days", "raw_days in [retention]"),
        ("path = '/x'", "path", "there is no such setting in the top level"),
        ("[smtp]\nfrom_ = 'a@example.org'", "smtp.from_", "did you mean from?"),
    ],
)
def test_key_in_the_wrong_place(tmp_path: Path, text: str, key: str, hint: str) -> None:
    error = refused(tmp_path, text)
    assert error.key == key
    assert hint in str(error)


@pytest.mark.parametrize(
    ("text", "key", "place", "says"),
    [
        ("[smtp]\nport = '25'", "smtp.port", (2, 1), "a whole number (TCP port), 1 to 65,535, got a text"),
        ("[smtp]\nport = 25.0", "smtp.port", (2, 1), "got 25.0"),
        ("[smtp]\nport = true", "smtp.port", (2, 1), "got true"),
        ("[smtp]\nport = 65536", "smtp.port", (2, 1), "got 65536"),
        ("[smtp]\ntls = 'startls'", "smtp.tls", (2, 1), '"starttls", "tls", "none"'),
        ("smtp = 25", "smtp", (1, 1), "expected a table, got 25"),
        ("retention.raw_days = 366", "retention.raw_days", (1, 11), "(days), 1 to 365, got 366"),
        ("retention = { raw_days = 0 }", "retention.raw_days", (1, 15), "got 0"),
        ("decision.block = 100.5", "decision.block", (1, 10), "0 to 100, got 100.5"),
        ("decision.block = nan", "decision.block", (1, 10), "got nan"),
        ("decision.mode = 'off'", "decision.mode", (1, 10), "enforce"),
        ("state = 2026-01-01", "state", (1, 1), "expected a path, got a date or time"),
        ("state = ''", "state", (1, 1), "empty"),
        ("store = 'postgres://x'", "store", (1, 1), "sqlite:FILE"),
        ("store = 'sqlite:'", "store", (1, 1), "sqlite:FILE"),
        ("alerts.operators = 'ops@example.org'", "alerts.operators", (1, 8), "a list, each item"),
        (
            "[alerts]\noperators = [\n 'ops@example.org',\n 'nobody',\n]",
            "alerts.operators[1]",
            (4, 2),
            "expected a mail address such as",
        ),
        ("alerts.operators = [1]", "alerts.operators[0]", (1, 21), "got 1"),
        ("smtp.from = 'Security'", "smtp.from", (1, 6), "a mail address"),
        ("smtp.from = 'a@example.org, b@example.org'", "smtp.from", (1, 6), "not one mail address"),
        ('smtp.from = "a@example.org\\r\\nBcc: b@example.org"', "smtp.from", (1, 6), "control character"),
        ("smtp.envelope_from = 'A <a@example.org>'", "smtp.envelope_from", (1, 6), "the address alone"),
        ("smtp.host = 'mail.example.org:25'", "smtp.host", (1, 6), "its own key"),
        ('service.name = "a\\nb"', "service.name", (1, 9), "control character"),
        ("service.security_page = 'javascript:x'", "service.security_page", (1, 9), "https://"),
        ("service.security_page = 'example.org'", "service.security_page", (1, 9), "https://"),
        ("geo.lists = [{ kind = 'vpn' }]", "geo.lists[0].path", (1, 14), "is missing; expected a path"),
        ("[[geo.lists]]\nkind = 'vpm'\npath = 'x'", "geo.lists[0].kind", (2, 1), "did you mean vpn?"),
        ("geo.lists = ['x']", "geo.lists[0]", (1, 14), "expected a table"),
        ("log.level = 'verbose'", "log.level", (1, 5), '"debug", "info", "warning", "error"'),
    ],
)
def test_wrong_values(tmp_path: Path, text: str, key: str, place: tuple[int, int], says: str) -> None:
    error = refused(tmp_path, text)
    assert (error.key, error.line, error.column) == (key, *place)
    assert says in str(error)


def test_errors_never_repeat_a_text_that_may_be_a_secret(tmp_path: Path) -> None:
    error = refused(tmp_path, "[smtp]\npassword = 'hunter2'")
    assert "did you mean password_file?" in str(error)
    for text in ("smtp.port = 'hunter2'", "listen = 'hunter2'", "alerts.operators = ['hunter2']"):
        assert "hunter2" not in str(refused(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("[decision]\nnotify = 70\nchallenge = 60", "decision.challenge", 3),
        ("[decision]\nnotify = 70", "decision.notify", 2),
        ("[decision]\nblock = 50\n", "decision.block", 2),
        ("[decision]\nnotify = 1\nchallenge = 95\n", "decision.challenge", 3),
    ],
)
def test_decisions_must_ascend(tmp_path: Path, text: str, key: str, line: int) -> None:
    error = refused(tmp_path, text)
    assert (error.key, error.line) == (key, line)
    assert "must ascend" in str(error)


def test_equal_decisions_are_allowed(tmp_path: Path) -> None:
    assert loaded(tmp_path, "decision = { notify = 60, challenge = 60, block = 60 }").decision.block == 60


def test_queue_holds_a_batch(tmp_path: Path) -> None:
    assert refused(tmp_path, "http.queue_events = 100").key == "http.queue_events"
    assert refused(tmp_path, "http.max_batch = 30000").key == "http.max_batch"


def test_no_password_in_the_clear_to_another_machine(tmp_path: Path) -> None:
    text = "[smtp]\nhost = '{}'\ntls = 'none'\nusername = 'u'"
    error = refused(tmp_path, text.format("mail.example.org"))
    assert (error.key, error.line) == ("smtp.tls", 3)
    for here in ("localhost", "127.0.0.1", "::1"):
        assert loaded(tmp_path, text.format(here)).smtp.tls == "none"


def test_syntax_error_has_its_place(tmp_path: Path) -> None:
    error = refused(tmp_path, "[smtp]\nport = \n")
    assert (error.line, error.column) == (2, 8)


TENANTS = """
[smtp]
from = "Example <security@example.org>"
[service]
name = "Example"
support = "help@example.org"
[decision]
mode = "observe"
challenge = 70
[privacy]
contact = "privacy@example.org"
[tenants.shop]
from = "Shop <shop@example.org>"
service.name = "Shop"
decision.block = 75
[tenants.mail.alerts]
operators = ["mail@example.org"]
[tenants.mail.privacy]
controller = "Mail GmbH"
"""


def test_tenants_override_only_what_they_name(tmp_path: Path) -> None:
    config = loaded(tmp_path, TENANTS)
    shop = config.for_tenant("shop")
    assert (shop.smtp.from_.name, shop.smtp.from_.address) == ("Shop", "shop@example.org")
    assert (shop.service.name, shop.service.support) == ("Shop", "help@example.org")
    assert (shop.decision.mode, shop.decision.challenge, shop.decision.block) == ("observe", 70, 75)
    assert shop.smtp.host == config.smtp.host
    mail = config.for_tenant("mail")
    assert mail.alerts.operators == ("mail@example.org",)
    assert (mail.privacy.controller, mail.privacy.contact) == ("Mail GmbH", "privacy@example.org")
    assert shop.privacy == config.privacy
    assert mail.smtp.from_ == "Example <security@example.org>"
    assert mail.decision == config.decision
    assert config.for_tenant("default") == config


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[tenants.shop.decision]\nblock = 60\n", "tenants.shop.decision.block"),
        ("[tenants.shop.smtp]\nport = 25", "tenants.shop.smtp"),
        ("[tenants.shop]\nservice = { nam = 'x' }", "tenants.shop.service.nam"),
        ("[tenants.'a b']\n", 'tenants."a b"'),
        ('[tenants.shop.alerts]\nreport = "monday 08:00"', "tenants.shop.alerts.report"),
        ("tenants = 3", "tenants"),
        ("[tenants]\nshop = 3", "tenants.shop"),
    ],
)
def test_tenants_are_checked_too(tmp_path: Path, text: str, key: str) -> None:
    error = refused(tmp_path, "[decision]\nchallenge = 70\n" + text if "tenants =" not in text else text)
    assert error.key == key
    assert error.line > 0

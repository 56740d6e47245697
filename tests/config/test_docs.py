"""The docs are made from the declarations, so they cannot be wrong, only old."""

from pathlib import Path

from sentinel.config import describe_settings, load
from sentinel.config.docs import EXAMPLE, configuration_page

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_docs_are_fresh() -> None:
    assert PAGE.read_text("utf-8") == configuration_page(), "run: make docs"


def test_every_setting_has_help_and_every_number_a_unit() -> None:
    settings = describe_settings()
    assert len({setting.key for setting in settings}) == len(settings) > 40
    assert [one.key for one in settings if not one.help.endswith((".", "…"))] == []
    assert [one.key for one in settings if "number" in one.type and not one.unit] == []
    assert any("number" in one.type for one in settings)


def test_keys_of_the_contract_are_described_with_their_defaults() -> None:
    defaults = {setting.key: setting.default for setting in describe_settings()}
    contract = {
        "store": '"sqlite:sentinel.db"',
        "listen": '"127.0.0.1:8787"',
        "smtp.port": "25",
        "smtp.tls": '"starttls"',
        "decision.mode": '"enforce"',
        "decision.notify": "40",
        "decision.challenge": "60",
        "decision.block": "90",
        "retention.raw_days": "365",
    }
    assert {key: defaults.get(key) for key in contract} == contract
    assert "geo.lists[].path" in defaults
    assert "tenants.NAME.from" in defaults


def test_the_example_is_a_good_configuration(tmp_path: Path) -> None:
    path = tmp_path / "sentinel.toml"
    path.write_text(EXAMPLE)
    assert EXAMPLE in configuration_page()
    assert load(path).for_tenant("shop").decision.block == 80


def test_the_page_says_nothing_of_the_machine_it_was_made_on(tmp_path: Path) -> None:
    assert str(Path.home()) + "/" not in configuration_page()

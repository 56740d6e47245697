"""`sentinel privacy inventory` as it is typed: the record of processing, as text, page and JSON."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sentinel.cli.main import cli
from sentinel.daemon.inventory import inventory

CONFIG = """
[retention]
raw_days = 30
[privacy]
controller = "Example | GmbH, Musterweg 1"
contact = "privacy@example.org"
[tenants.shop]
privacy.controller = "Example Shop"
privacy.recipients = "Example Mail, Musterstadt"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "sentinel.toml"
    path.write_text(f'state = "{tmp_path / "state"}"\n{CONFIG}')
    return path


def run(config: Path, *words: str) -> str:
    done = CliRunner().invoke(
        cli, ["--config", str(config), "privacy", "inventory", *words], standalone_mode=False, env={"COLUMNS": "200"}
    )
    assert done.return_value == 0, done.output
    return done.output


def test_json_has_every_line_and_the_operators_own_words(config: Path) -> None:
    record = json.loads(run(config, "--json"))
    assert len(record["inventory"]) == len(inventory())
    assert record["controllers"][0] == {
        "tenant": "default", "controller": "Example | GmbH, Musterweg 1", "contact": "privacy@example.org",
        "authority": None, "recipients": None,
    }  # fmt: skip
    assert record["controllers"][1]["controller"] == "Example Shop"
    raw = next(line for line in record["inventory"] if (line["table"], line["column"]) == ("event", "raw"))
    assert (raw["days"], raw["sealed"], raw["erased"]) == (30, "account x raw day", "row and key")
    assert {"data": ["sentinel.db event.raw"], "kept": raw["kept"], "days": 30} in record["retention"]
    # The day's key is kept as long as the values; what a key is, is no category of personal data.
    assert sum(len(category["where"]) for category in record["categories"]) == len(inventory())


def test_the_page_has_every_column_and_every_part_of_article_30(config: Path) -> None:
    page = run(config, "--markdown")
    for heading in (
        "Controller", "Purposes and legal bases", "Categories of persons", "Categories of data", "Recipients",
        "Retention", "Technical and organisational measures", "Every column",
    ):  # fmt: skip
        assert f"\n## {heading}\n" in page
    assert "| default | Example \\| GmbH, Musterweg 1 | privacy@example.org | not set (`[privacy]`) |" in page
    assert "- Example Mail, Musterstadt (tenant shop)" in page
    assert all(f"| `{line.column or line.table}` | {line.meaning} |" in page for line in inventory())
    assert "| 30 days after the event (retention.raw_days) |" in page


def test_the_text_lists_every_column_and_touches_nothing(config: Path) -> None:
    text = run(config)
    assert all(f"{line.table}.{line.column}" in text for line in inventory() if line.column)
    assert not (config.parent / "state").exists()

"""`service.origins`: the pages people may sign in on, by tenant; without them origins are not judged."""

from pathlib import Path

import pytest

from sentinel.config.load import load
from sentinel.daemon.build import tenant_settings
from sentinel.pipeline.replay import Replay
from sentinel.rules.ruleset import RuleSet
from tests.builders import Story, found, packaged

CONFIG = """
[service]
origins = ["login.example.org", "https://SSO.example.org", "*.apps.example.org"]
[tenants.shop]
service.origins = ["shop.example.org"]
[tenants.open]
service.origins = []
"""


@pytest.fixture
def stories(tmp_path: Path) -> dict[str, Story]:
    path = tmp_path / "sentinel.toml"
    path.write_text(CONFIG)
    settings = tenant_settings(load(path), RuleSet(packaged()))
    stories = {}
    for tenant in ("default", "shop", "open"):
        stories[tenant] = Story(RuleSet(packaged()))
        stories[tenant].replay = Replay(settings(tenant))
    return stories


@pytest.mark.parametrize(
    ("tenant", "origin", "foreign"),
    [
        ("default", "https://login.example.org", False),
        ("default", "https://login.example.org:8443", False),
        ("default", "https://Login.Example.org", False),
        ("default", "https://sso.example.org", False),
        ("default", "https://mail.apps.example.org", False),
        ("default", "https://apps.example.org", True),
        ("default", "https://example.org", True),
        ("default", "https://login.example.org.example.net", True),
        ("default", "https://login-example.org", True),
        ("default", "https://evilapps.example.org", True),
        ("default", None, False),
        ("shop", "https://shop.example.org", False),
        ("shop", "https://login.example.org", True),
        ("open", "https://anything.example.net", False),
    ],
)
def test_a_foreign_origin_is_challenged(
    stories: dict[str, Story], tenant: str, origin: str | None, foreign: bool
) -> None:
    auth = {"method": "password"} | ({"origin": origin} if origin else {})
    answer = stories[tenant](auth=auth)
    assert ("phishing_proxy" in found(answer)) is foreign
    assert (answer.decision == "challenge") is foreign


def test_a_wrong_password_on_a_copied_page_is_for_the_windows(stories: dict[str, Story]) -> None:
    answer = stories["default"](outcome="failure", reason="bad_password", auth={"origin": "https://example.net"})
    assert found(answer) == set()

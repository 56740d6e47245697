"""Who a tenant's mails come from, whom they name, and which operators get them."""

from pathlib import Path

import msgspec
import pytest

from sentinel.alerts.samples import sample
from sentinel.config import load
from sentinel.daemon.mail import delivery_settings, identity_of
from sentinel.events.alert import CRITICAL_ACCOUNT, REPORT


def test_a_refusal_is_reviewed_by_whom_the_tenant_names(tmp_path: Path) -> None:
    path = tmp_path / "sentinel.toml"
    path.write_text(
        '[privacy]\ncontact = "privacy@example.org"\n[tenants.shop]\nprivacy.contact = "desk@shop.example.org"\n'
        '[tenants.bare]\nservice.support = "room 4"\n'
    )
    config = load(path)
    assert identity_of(config, "default").review == "privacy@example.org"
    assert identity_of(config, "shop").review == "desk@shop.example.org"
    # What a tenant leaves out is as for all.
    assert identity_of(config, "bare").review == "privacy@example.org"


@pytest.mark.parametrize(
    ("kind", "tenant", "operators"),
    [
        ("campaign", "default", ("all@example.org",)),
        ("campaign", "shop", ("one@shop.example.org", "two@shop.example.org")),
        (CRITICAL_ACCOUNT, "shop", ("one@shop.example.org", "two@shop.example.org")),
        ("campaign", "bare", ("all@example.org",)),
        ("campaign", "quiet", ()),
        # It tells of all tenants, so no tenant's operators may read it, whatever it is filed under.
        (REPORT, "shop", ("all@example.org",)),
    ],
)
def test_operators_hear_of_their_own_tenant(tmp_path: Path, kind: str, tenant: str, operators: tuple[str, ...]) -> None:
    path = tmp_path / "sentinel.toml"
    path.write_text(
        '[alerts]\noperators = ["all@example.org"]\nflood = 300\n'
        '[tenants.shop.alerts]\noperators = ["one@shop.example.org", "two@shop.example.org"]\nflood = 20\n'
        "[tenants.quiet.alerts]\noperators = []\n[tenants.bare]\n"
    )
    settings = delivery_settings(load(path))
    notice = msgspec.structs.replace(sample("campaign"), kind=kind, tenant=tenant)
    assert settings.operators_of(notice) == operators
    assert settings.most_operators == 2
    assert [settings.flood_of(name) for name in ("default", "shop", "bare", "quiet")] == [300, 20, 300, 300]

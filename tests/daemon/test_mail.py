"""Who a tenant's mails come from, and whom they name."""

from pathlib import Path

from sentinel.config import load
from sentinel.daemon.mail import identity_of


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

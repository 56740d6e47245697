"""What an admin tunes, from the file to the assessment: entries, shares, mutes and allowlists."""

from pathlib import Path
from typing import Any

import pytest

from sentinel.config import load
from sentinel.config.tuning import AllowEntry, MuteEntry, RuleChange, TuningEntry
from sentinel.daemon.build import bare_lookups, load_ruleset, tenant_settings
from sentinel.daemon.tuning import Tuning, marks_of
from sentinel.enrich.sighting import Enricher
from sentinel.errors import FileError
from sentinel.events.assessment import Assessment
from sentinel.pipeline.explain import explain_arrival, explain_record
from sentinel.pipeline.handles import lookups, with_handles
from sentinel.pipeline.pack import unpack_sighting
from sentinel.pipeline.replay import Replay
from sentinel.pipeline.tuned import is_in_share
from sentinel.privacy.keys import Secret
from sentinel.privacy.pseudonyms import Pseudonymizer
from sentinel.rules.load import load_rules
from sentinel.rules.ruleset import RuleSet
from tests.builders import Story, arrival, at, packaged, rule_text, sighting, write_rule
from tests.pipeline.installation import Installation, login

#: A rule that always holds, one that counts, and one that owes a notice.
RULES = {
    "strange": rule_text("params.limit > 1", risk='"params.points"', more="[params]\nlimit = 5\npoints = 50"),
    "burst": rule_text(
        "windows.tries >= params.most",
        more='[params]\nmost = 3\n[windows.tries]\ncount = "events"\nby = ["account"]\nover = "10m"',
    ),
    "changed": rule_text("true", risk=10, applies_to='["password_changed"]', more='alert = "credential_change"'),
}


class Tuned(Story):
    """A story judged with a configuration, an allowlist and the rules above."""

    def __init__(self, folder: Path, text: str = "", *, allow: str = "", tenant: str = "default") -> None:
        for name, rule in RULES.items():
            write_rule(folder / "own", name, rule)
        path = write(folder, text, allow)
        self.config = load(path)
        places, networks = bare_lookups()
        networks.marks = marks_of(self.config)
        by = Enricher(Pseudonymizer(Secret(b"k" * 32)), places, networks)
        self.rules = RuleSet(load_rules([folder / "own"]))
        super().__init__(self.rules, by=by)
        self.settings = tenant_settings(self.config, self.rules, by.pseudonym)(tenant)
        self.replay = Replay(self.settings)


def write(folder: Path, text: str, allow: str = "") -> Path:
    (folder / "allow").mkdir(exist_ok=True)
    (folder / "allow" / "list.toml").write_text(allow)
    path = folder / "sentinel.toml"
    path.write_text(f'rules.allow_directory = "allow"\nrules.directory = "local"\n{text}')
    return path


def risks(assessment: Assessment) -> dict[str, tuple[str, float]]:
    """By rule, status and risk of its finding."""
    return {finding.rule: (finding.status, finding.risk) for finding in assessment.findings}


# Entries


def test_parameters_and_risk_by_service_and_tag(tmp_path: Path) -> None:
    story = Tuned(
        tmp_path,
        '[[tuning]]\nservice = "imap"\nrules.strange.params.points = 20\n'
        '[[tuning]]\ntag = "admin"\nrules.strange.risk = 80\n',
    )
    assert risks(story())["strange"] == ("live", 50)
    assert risks(story(service="imap"))["strange"] == ("live", 20)
    assert risks(story(service="imap2", account_tags=["admin", "staff"]))["strange"] == ("live", 80)
    assert risks(story(account_tags=["admins"]))["strange"] == ("live", 50)


def test_a_rule_is_shadowed_or_off_for_one_service_and_the_digest_tells(tmp_path: Path) -> None:
    story = Tuned(
        tmp_path,
        '[[tuning]]\nservice = "imap"\nrules.strange.status = "shadow"\n'
        '[[tuning]]\nservice = "vpn"\nrules.strange.status = "off"\n',
    )
    plain, shadow, off = story(), story(at(1), service="imap"), story(at(2), service="vpn")
    assert (plain.risk, shadow.risk, off.risk) == (50, 0, 0)
    assert risks(shadow) == {"strange": ("shadow", 50)}
    assert risks(off) == {}
    assert len({plain.ruleset, shadow.ruleset, off.ruleset}) == 3


@pytest.mark.parametrize("turned", [False, True])
def test_the_entry_with_more_selectors_wins_wherever_it_stands(tmp_path: Path, turned: bool) -> None:
    narrow = '[[tuning]]\nservice = "imap"\ntag = "admin"\nrules.strange.risk = 11\n'
    wide = '[[tuning]]\nservice = "imap"\nrules.strange.risk = 22\nrules.burst.status = "off"\n'
    story = Tuned(tmp_path, narrow + wide if turned else wide + narrow)
    for _ in range(3):
        said = story(service="imap", account_tags=["admin"])
    assert risks(said) == {"strange": ("live", 11)}  # what only the wide one sets stays


def test_of_equals_the_later_wins(tmp_path: Path) -> None:
    story = Tuned(
        tmp_path,
        '[[tuning]]\ntag = "admin"\nrules.strange.risk = 11\n[[tuning]]\nservice = "imap"\nrules.strange.risk = 22\n',
    )
    assert risks(story(service="imap", account_tags=["admin"]))["strange"] == ("live", 22)


def test_an_entry_of_a_tenant_is_for_that_tenant(tmp_path: Path) -> None:
    text = '[[tuning]]\ntenant = "shop"\ndecision.challenge = 45\n'
    assert Tuned(tmp_path, text)().decision == "notify"
    assert Tuned(tmp_path, text, tenant="shop")().decision == "challenge"


def test_thresholds_by_tag_over_those_of_the_tenant(tmp_path: Path) -> None:
    story = Tuned(
        tmp_path,
        "[tenants.default.decision]\nnotify = 45\n"
        '[[tuning]]\ntag = "admin"\ndecision = { challenge = 50 }\n'
        '[[tuning]]\ntag = "guest"\ndecision = { notify = 60 }\n',
    )
    assert story().decision == "notify"
    assert story(at(1), account_tags=["admin"]).decision == "challenge"
    assert story(at(2), account_tags=["guest"]).decision == "allow"
    # Both: challenge from 50, told from 60. The milder stands.
    assert story(at(3), account_tags=["admin", "guest"]).decision == "allow"


def test_events_count_for_a_rule_that_is_off_where_they_happen(tmp_path: Path) -> None:
    story = Tuned(tmp_path, '[[tuning]]\nservice = "imap"\nrules.burst.status = "off"\n')
    for minute in range(2):
        assert "burst" not in risks(story(at(minutes=minute), service="imap"))
    assert "burst" in risks(story(at(minutes=2)))


def test_a_service_with_a_lower_limit_counts_what_the_others_do(tmp_path: Path) -> None:
    story = Tuned(tmp_path, '[[tuning]]\nservice = "imap"\nrules.burst.params.most = 2\n')
    assert "burst" not in risks(story(at(), service="web"))
    assert "burst" in risks(story(at(minutes=1), service="imap"))


def test_what_is_not_tuned_is_not_asked(tmp_path: Path) -> None:
    settings = Tuned(tmp_path).settings
    assert settings.of(sighting()) is settings


def test_settings_are_made_once_for_each_combination(tmp_path: Path) -> None:
    settings = Tuned(tmp_path, '[[tuning]]\ntag = "admin"\nrules.strange.risk = 11\n').settings
    admin = settings.of(sighting(account_tags=["admin"]))
    assert settings.of(sighting(account_tags=["x", "admin"])) is admin
    assert settings.of(sighting(service="web")) is settings.of(sighting()) is not admin
    assert settings.of(sighting()).rules is settings.rules


def test_many_combinations_stay_bounded(tmp_path: Path) -> None:
    text = "".join(f'[[tuning]]\ntag = "t{number}"\nrules.strange.risk = {number}\n' for number in range(8))
    story = Tuned(tmp_path, text)
    for bits in range(200):
        tags = [f"t{number}" for number in range(8) if bits >> number & 1]
        wanted = max((number for number in range(8) if bits >> number & 1), default=50)
        assert risks(story(at(minutes=bits * 20), account_tags=tags))["strange"] == ("live", wanted)
    tuned: Any = story.settings.tuned
    assert len(tuned._variants) <= 64


# A share of the accounts


def test_enforced_for_a_share_of_the_accounts_and_observed_for_the_rest(tmp_path: Path) -> None:
    few = Tuned(tmp_path, "decision = { challenge = 45, enforce_share = 0.2 }\n")
    accounts = [f"u-{number}" for number in range(500)]
    first = {account: few(at(), account=account) for account in accounts}
    enforced = {account for account, said in first.items() if said.decision == "challenge"}
    assert 60 < len(enforced) < 140
    assert {said.would for account, said in first.items() if account not in enforced} == {"challenge"}
    assert {said.decision for account, said in first.items() if account not in enforced} == {"notify"}
    # The same accounts again, and all of them within a larger share.
    assert enforced == {each for each in accounts if few(at(1), account=each).decision == "challenge"}
    more = Tuned(tmp_path, "decision = { challenge = 45, enforce_share = 0.5 }\n")
    assert enforced < {each for each in accounts if more(at(), account=each).decision == "challenge"}


def test_a_share_of_none_and_of_all(tmp_path: Path) -> None:
    assert Tuned(tmp_path, "decision = { challenge = 45, enforce_share = 0 }\n")().decision == "notify"
    assert Tuned(tmp_path, "decision = { challenge = 45, enforce_share = 1 }\n")().decision == "challenge"
    observed = Tuned(tmp_path, 'decision = { mode = "observe", challenge = 45, enforce_share = 1 }\n')()
    assert (observed.decision, observed.would) == ("notify", "challenge")


def test_a_share_by_tag(tmp_path: Path) -> None:
    story = Tuned(tmp_path, 'decision.challenge = 45\n[[tuning]]\ntag = "admin"\ndecision.enforce_share = 0\n')
    assert story().decision == "challenge"
    assert story(account_tags=["admin"]).decision == "notify"


def test_the_edge_of_a_share() -> None:
    half = "gAAAAAAAAAAAAAAA"  # the first byte is 0x80: exactly one half
    assert not is_in_share(half, 0.5)
    assert is_in_share(half, 0.5001)


# Mutes


MUTE = '[mute.noise]\nrules = ["strange"]\nuntil = 2026-01-02\nreason = "tells of every test login"\n'


def test_a_muted_rule_is_shown_in_shadow_until_its_day_is_over(tmp_path: Path) -> None:
    story = Tuned(tmp_path, MUTE)
    muted = story.judged("2026-01-02T23:59:59Z")
    assert risks(muted.assessment) == {"strange": ("shadow", 50)}
    assert (muted.assessment.risk, muted.assessment.decision, muted.notices) == (0, "allow", ())
    after = story.judged("2026-01-03T00:00:00Z")
    assert (after.assessment.risk, len(after.notices)) == (50, 1)


def test_a_muted_rule_of_another_tenant_is_not(tmp_path: Path) -> None:
    assert Tuned(tmp_path, MUTE + 'tenant = "shop"\n')().risk == 50


def test_a_muted_source_is_muted_for_its_events_only(tmp_path: Path) -> None:
    story = Tuned(
        tmp_path,
        '[mute.lab]\nnetworks = ["192.0.2.0/25"]\nuntil = 2030-01-01T12:00:00Z\nreason = "a lab"\n',
    )
    assert story(ip="192.0.2.127").risk == 0
    assert story(at(1), ip="192.0.2.128").risk == 50
    assert story(at(2)).risk == 50


def test_a_source_muted_for_one_rule(tmp_path: Path) -> None:
    story = Tuned(
        tmp_path,
        '[mute.lab]\nnetworks = ["hosting"]\nrules = ["burst"]\nuntil = 2030-01-01\nreason = "a lab"\n',
    )
    for minute in range(3):
        said = story(at(minutes=minute), network={"kind": "hosting"})
    assert risks(said) == {"strange": ("live", 50), "burst": ("shadow", 50)}


# Allowlists

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
KNOWN: dict[str, Any] = {
    "ip": "198.51.100.7",
    "network": {"asn": 64496, "kind": "business"},
    "place": {"country": "FR"},
    "device_id": "kiosk-1",
    "user_agent": AGENT,
    "account_tags": ["test"],
}


@pytest.mark.parametrize(
    ("entry", "others"),
    [
        ('networks = ["198.51.100.0/29"]', {"ip": "198.51.100.8"}),
        ('networks = ["198.51.100.7"]', {"ip": "198.51.100.6"}),
        ('networks = ["::ffff:198.51.100.0/125"]', {"ip": "198.51.100.8"}),
        ('networks = ["2001:db8::/32", "AS64496"]', {"network": {"asn": 64497}}),
        ('networks = ["business"]', {"network": {"asn": 64496, "kind": "vpn"}}),
        ('accounts = ["probe", "u-1"]', {"account": "u-2"}),
        ('tags = ["test"]', {"account_tags": ["tests"]}),
        ('countries = ["DE", "FR"]', {"place": {"country": "JP"}}),
        ('devices = ["kiosk-1"]', {"device_id": "kiosk-2"}),
        (f'agents = ["{AGENT}"]', {"user_agent": AGENT + " x"}),
    ],
)
def test_what_an_entry_names_is_let_pass_and_nothing_else(tmp_path: Path, entry: str, others: dict[str, Any]) -> None:
    story = Tuned(tmp_path, allow=f'[known]\nreason = "ours"\n{entry}\n')
    allowed = story(**KNOWN)
    assert (allowed.risk, risks(allowed)) == (0, {"strange": ("shadow", 50)})
    assert story(**KNOWN | others).risk == 50
    if "tags" in entry or "networks" in entry:
        return
    assert story(at(1), **{name: value for name, value in KNOWN.items() if name not in others}).risk == (
        0 if "accounts" in entry else 50
    )


def test_every_condition_of_an_entry_must_hold(tmp_path: Path) -> None:
    story = Tuned(
        tmp_path, allow='[probe]\nreason = "monitoring"\naccounts = ["u-1"]\nnetworks = ["198.51.100.0/24"]\n'
    )
    assert story(ip="198.51.100.7").risk == 0
    assert story(ip="192.0.2.7").risk == 50
    assert story(ip="198.51.100.7", account="u-2").risk == 50


def test_an_entry_for_some_rules_until_a_date(tmp_path: Path) -> None:
    story = Tuned(
        tmp_path,
        allow='[kiosk]\nreason = "lobby"\ndevices = ["d"]\nrules = ["burst"]\nuntil = 2026-01-01T09:05:00+00:00\n',
    )
    for minute in (3, 4):
        story(at(minutes=minute), device_id="d")
    assert risks(story("2026-01-01T09:04:59Z", device_id="d")) == {"strange": ("live", 50), "burst": ("shadow", 50)}
    assert risks(story("2026-01-01T09:05:00Z", device_id="d"))["burst"] == ("live", 50)


def test_a_notice_that_is_owed_passes_only_an_entry_that_names_its_rule(tmp_path: Path) -> None:
    def notices(rules: str) -> int:
        story = Tuned(tmp_path, allow=f'[office]\nreason = "ours"\nnetworks = ["198.51.100.0/24"]\n{rules}')
        return len(story.judged(type="password_changed", ip="198.51.100.7").notices)

    assert notices("") == 1
    assert notices('rules = ["changed"]\n') == 0


def test_entries_are_found_among_thousands(tmp_path: Path) -> None:
    devices = "".join(f'[kiosk-{number}]\nreason = "lobby"\ndevices = ["d-{number}"]\n' for number in range(2000))
    story = Tuned(tmp_path, allow=devices)
    assert story(device_id="d-1999").risk == 0
    assert story(device_id="d-2000").risk == 50
    assert story.settings.exempt is not None
    assert story.settings.exempt._rest == []


async def test_an_address_is_allowed_in_stored_history_too(tmp_path: Path) -> None:
    """Of a stored event the address is sealed: what the entry made of it stays on the sighting."""

    story = Tuned(tmp_path, allow='[office]\nreason = "our own exit"\nnetworks = ["198.51.100.0/24"]\n')
    inst = Installation(tmp_path, rules=story.rules, exempt=story.settings.exempt)
    inst.enricher = story.by
    await inst.one(login(1, ip="198.51.100.7"))
    record = await inst.store.record(inst.enricher.event_key("default", "e-1"))
    assert record is not None
    assert unpack_sighting(record.sighting).marks == ("allow:office",)
    explained = await explain_record(inst.store, record, inst._settings, "e-1", "u-1")
    seen = {rule.rule: (rule.status, rule.outcome) for rule in explained.rules}
    assert seen["strange"] == ("shadow", "held: allowed by office: our own exit")
    assert "our own exit" not in str(explained.assessment)
    await inst.store.close()


async def test_explain_says_why_an_account_is_only_observed(tmp_path: Path) -> None:
    for share, said in (("0", "outside of it"), ("0.999999", "one of them")):
        story = Tuned(tmp_path, f"decision.enforce_share = {share}\n" + MUTE)
        inst = Installation(tmp_path)
        come = arrival(by=story.by)
        come = with_handles(come, inst.vault.admit(lookups(come)))
        explained = await explain_arrival(inst.store, come, story.settings)
        assert said in explained.notes[-1]
        seen = {rule.rule: rule.outcome for rule in explained.rules}
        assert seen["strange"] == "held: muted by noise until 2026-01-03T00:00:00Z: tells of every test login"
        await inst.store.close()


# Refusals


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[tuning]]\nrules.strang.risk = 5\n', "sentinel.toml:4:7: tuning[0].rules.strang: there is no such rule"),
        ("[[tuning]]\nrules.strange.params.limits = 5\n", "sentinel.toml:4:22: tuning[0].rules.strange.params.limits:"),
        ('[[tuning]]\nrules.strange.params.limit = "5"\n', "expected a number, got a text"),
        ("[[tuning]]\nrules.strange.params.limit = true\n", "expected a number, got true or false"),
        ("[[tuning]]\nrules.strange.params.limit = 9223372036854775808\n", "64 bits"),
        ("[[tuning]]\nrules.strange.risk = 101\n", "0 to 100"),
        ('[mute.x]\nrules = ["burst", "brust"]\nuntil = 2026-01-01\nreason = "r"\n', ":4:19: mute.x.rules[1]"),
    ],
)  # fmt: skip
def test_an_entry_that_does_not_fit_the_rules_is_refused_at_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FileError) as caught:
        Tuned(tmp_path, text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[x]\nnetworks = ["10.0.0.0/8"]\n', "list.toml:1:2: x.reason: is missing"),
        ('[x]\nreason = "r"\n', "list.toml:1:2: x: names nothing"),
        ('[x]\nreason = "r"\ntags = ["a"]\nrules = ["no_such"]\n', "list.toml:4:10: x.rules[0]: there is no such rule"),
        ('[x]\nreason = "r"\nnetworks = ["10.0.0.1/8"]\n', "list.toml:3:13: x.networks[0]:"),
        ('[x]\nreason = "r"\ncountries = ["fr"]\n', "x.countries[0]: expected a country"),
        ('[x]\nreason = "r"\ntag = ["a"]\n', "did you mean tags?"),
        ('["a b"]\nreason = "r"\ntags = ["a"]\n', "an entry's name"),
        ('[x]\nreason = "r"\ntags = ["a"]\nuntil = "2026-01-01"\n', "without quotes"),
        ("x = 1\n", "x: expected a table"),
    ],
)
def test_a_bad_allowlist_is_refused_at_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FileError) as caught:
        Tuned(tmp_path, allow=text)
    assert said in str(caught.value)


def test_a_name_is_used_once_over_all_files(tmp_path: Path) -> None:
    entry = '[x]\nreason = "r"\ntags = ["a"]\n'
    path = write(tmp_path, "", entry)
    (tmp_path / "allow" / "more.toml").write_text(entry)
    config = load(path)
    with pytest.raises(FileError, match=r"more\.toml:1:2: x: there is an entry of this name in .*list\.toml"):
        Tuning(config, load_ruleset(config))


def test_every_key_is_told_of(tmp_path: Path) -> None:

    page = (Path(__file__).parents[2] / "docs/tuning.md").read_text()
    for declared in (AllowEntry, MuteEntry, TuningEntry, RuleChange):
        assert [name for name in declared.__struct_fields__ if f"`{name}`" not in page] == []


def test_the_packaged_rules_take_a_tuned_parameter(tmp_path: Path) -> None:
    """With real rules: a service whose travellers are faster."""
    config = load(
        write(tmp_path, '[[tuning]]\nservice = "vpn"\nrules.impossible_travel.params.max_speed_kmh = 100000\n')
    )
    rules = RuleSet(packaged())
    story = Story(rules)
    story.replay = Replay(tenant_settings(config, rules)("default"))
    paris = {"country": "FR", "lat": 48.9, "lon": 2.4}
    tokyo = {"country": "JP", "lat": 35.7, "lon": 139.7}
    for day in range(4):
        story(at(day), place=paris)
    assert "impossible_travel" not in risks(story(at(3, hours=1), place=tokyo, service="vpn"))
    assert "impossible_travel" in risks(story(at(3, hours=1), place=tokyo))

"""What a SIEM is sent: valid by the schemas, with what an analyst needs, and nothing that names a person."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema

from sentinel.events.clock import HOUR, to_micros
from sentinel.scoring import Thresholds
from sentinel.siem import ocsf
from sentinel.store.protocol import AskedVerdict, Changes
from tests.pipeline.installation import START, Installation, login
from tests.siem.ecs_fields import ALLOWED, FIELDS, KINDS, OUTCOMES
from tests.siem.making import STRANGER, Memory, a_life, export, past, sent


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Installation]:
    at = await a_life(tmp_path)
    yield at
    await at.store.close()
    at.vault.close()


@pytest.fixture(scope="module")
def schemas() -> dict[int, Draft202012Validator]:
    """The schema of each class as OCSF publishes it: every attribute known, every required one there."""
    whole = OcsfJsonSchemaEmbedded(OcsfJsonSchema(get_ocsf_schema(ocsf.VERSION)))
    return {
        uid: Draft202012Validator(whole.get_class_schema(whole.lookup_class_name_from_uid(uid), list(profiles)))
        for uid, profiles in ocsf.PROFILES.items()
    }


def of_event(documents: list[Any], event: str) -> list[Any]:
    """Documents about one event of the service, in OCSF."""
    return [each for each in documents if each["metadata"].get("original_event_uid") == event]


def flat(document: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values, down to what ECS calls one field."""
    for name, value in document.items():
        path = before + name
        if isinstance(value, dict) and path not in FIELDS:
            yield from flat(value, path + ".")
        else:
            yield path, value


async def test_every_document_is_valid_ocsf(life: Installation, schemas: dict[int, Draft202012Validator]) -> None:
    alerts = await life.store.alerts("default")
    await life.run([life.answer("away", "compromised")])
    documents = await sent(life, format="ocsf", addresses="prefix", accounts="id")
    documents += await sent(life, format="ocsf", accounts="none")
    assert len(alerts) == 3
    assert {(each["class_uid"], each["activity_name"]) for each in documents} == {
        (3002, "Logon"), (3002, "Logoff"), (2004, "Create"), (2004, "Close"),
    }  # fmt: skip
    for each in documents:
        assert [error.message for error in schemas[each["class_uid"]].iter_errors(each)] == []


async def test_a_finding_without_an_alert_is_valid_ocsf(
    tmp_path: Path, schemas: dict[int, Draft202012Validator]
) -> None:
    at = Installation(tmp_path, thresholds=Thresholds(notify=90, challenge=95, block=100))
    other = {"asn": 64501, "organisation": "Example Mobile", "kind": "mobile"}
    await at.run([*past(), login(9, id="odd", ip="198.51.100.7", network=other)])
    documents = await sent(at, format="ocsf")
    (finding,) = [each for each in documents if each["class_uid"] == 2004]
    assert [error.message for error in schemas[2004].iter_errors(finding)] == []
    assert (finding["is_alert"], finding["finding_info"]["uid"], finding["status"]) == (False, "odd", "New")
    assert finding["finding_info"]["analytic"]["uid"] == "new_network"
    await at.store.close()


async def test_ecs_fields_exist_and_have_the_types_that_ecs_gives_them(life: Installation) -> None:
    documents = await sent(life, format="ecs", addresses="prefix")
    used = set()
    for document in documents:
        for name, value in flat(document):
            if name.startswith(("sentinel.", "labels.")):
                continue
            assert name in FIELDS
            used.add(name)
            kind = FIELDS[name]
            for each in value if kind.endswith("[]") else [value]:
                if kind.startswith(("keyword", "match")):
                    assert isinstance(each, str)
                elif kind == "date":
                    datetime.fromisoformat(each)
                elif kind == "ip":
                    ip_address(each)
                elif kind == "geo_point":
                    assert set(each) == {"lat", "lon"}
                else:
                    assert isinstance(each, int if kind == "long" else (int, float))
        event = document["event"]
        assert event["kind"] in KINDS
        assert event.get("outcome", "unknown") in OUTCOMES
        assert set(event["type"]) <= set().union(*(ALLOWED[category] for category in event["category"]))
    assert {"rule.id", "source.geo.location", "threat.technique.subtechnique.id", "user.id", "event.reason"} <= used


async def test_a_login_and_its_alert_tell_the_same_story_in_both(life: Installation) -> None:
    ocsf_told, ecs_told = await sent(life, format="ocsf"), await sent(life, format="ecs")
    (login_told,) = of_event(ocsf_told, "away")
    alert = login_told["metadata"]["correlation_uid"]
    (finding,) = [each for each in ocsf_told if each.get("finding_info", {}).get("uid") == alert]
    (event,) = [each for each in ecs_told if each["sentinel"].get("event") == "away"]
    (raised,) = [each for each in ecs_told if each["event"]["kind"] == "alert" and each["sentinel"]["alert"] == alert]
    assert login_told["risk_level"] == finding["risk_level"] == raised["user"]["risk"]["calculated_level"] == "Critical"
    assert finding["finding_info"]["analytic"]["uid"] == event["rule"]["id"] == raised["rule"]["id"] == "new_device"
    techniques = {each["technique"]["uid"] for each in finding["finding_info"]["attacks"]}
    assert techniques == set(raised["threat"]["technique"]["id"])
    assert "T1078" in techniques
    assert login_told["src_endpoint"]["location"]["country"] == event["source"]["geo"]["country_iso_code"] == "JP"
    assert login_told["user"]["uid"] == event["user"]["id"] == raised["user"]["id"]
    assert finding["status"] == "New"
    (factor,) = of_event(ocsf_told, "factor")
    assert (factor["is_mfa"], factor["auth_factors"][0]["is_totp"], factor["user"]["type"]) == (True, True, "Admin")


async def test_a_campaign_is_one_finding_and_names_no_account(life: Installation) -> None:
    documents = await sent(life, format="ocsf", accounts="id")
    campaigns = [each for each in documents if each.get("finding_info", {}).get("types") == ["campaign"]]
    assert [each["activity_name"] for each in campaigns] == ["Create"]
    assert "u-" not in json.dumps(campaigns)


async def test_no_address_agent_or_name_that_was_tried_leaves(life: Installation) -> None:
    for format in ("ocsf", "ecs"):
        text = json.dumps([await sent(life, format=format, accounts=how) for how in ("id", "pseudonym")])  # type: ignore[arg-type]
        for raw in ("192.0.2.", "203.0.113.", STRANGER["user_agent"], "correct-horse", "stranger", "laptop"):
            assert raw not in text


async def test_accounts_are_called_as_the_operator_chose(life: Installation) -> None:
    ids = {each["user"]["id"] for each in await sent(life, accounts="id") if "user" in each}
    assert "u-1" in ids
    names = {each["user"]["id"] for each in await sent(life) if "user" in each}
    assert len(names) == len(ids)
    assert not names & ids
    assert not names & {life.handle("u-1"), life.enricher.account_key("default", "u-1")}  # not what the store has
    for format in ("ocsf", "ecs"):
        text = json.dumps(await sent(life, accounts="none", format=format))
        assert not any(name in text for name in names | {'"u-1"'})


async def test_addresses_share_what_they_shared_and_change_with_month_and_export(tmp_path: Path) -> None:
    at = Installation(tmp_path)
    near = [login(number, id=f"n-{number}", ip=f"192.0.2.{number + 1}") for number in range(3)]
    later = login(24 * 40, id="later", ip="192.0.2.1")
    await at.run([*near, login(5, id="far", ip="203.0.113.1"), later, login(6, id="six", ip="2001:db8::1")])
    documents = [each for each in await sent(at, addresses="prefix") if each["event"]["kind"] == "event"]
    found = {each["sentinel"]["event"]: each["source"]["ip"] for each in documents}
    network = ip_network(f"{found['n-0']}/24", strict=False)
    assert all(ip_address(found[f"n-{number}"]) in network for number in range(3))
    assert ip_address(found["far"]) not in network
    assert found["later"] != found["n-0"]
    assert ip_address(found["six"]).version == 6
    other = {each["sentinel"].get("event"): each["source"]["ip"] for each in await sent(at, addresses="prefix")}
    assert other["n-0"] != found["n-0"]
    assert "ip" not in (await sent(at))[0]["source"]
    await at.store.close()


async def test_restricted_accounts_are_left_out(life: Installation) -> None:
    handle = life.handle("u-1")
    profile = await life.store.profile(handle)
    assert profile is not None
    profile.restricted_at = to_micros(START)
    await life.store.commit(Changes(profiles={handle: profile}, held={handle: True}))
    ids = {each["user"]["id"] for each in await sent(life, accounts="id") if "user" in each}
    assert "u-1" not in ids
    assert "u-2" in ids


async def test_an_answer_closes_the_alert(life: Installation) -> None:
    sink = Memory()
    going = export(life, sink, format="ocsf")
    await going.catch_up()
    before = len(sink.lines)
    await life.run([life.answer("away", "legitimate")])
    await going.catch_up()
    (closed,) = sink.documents[before:]
    assert (closed["activity_name"], closed["status"], closed["verdict"]) == ("Close", "Resolved", "False Positive")
    assert closed["evidences"] == [
        {"user": {"uid": closed["evidences"][0]["user"]["uid"], "type_id": 1, "type": "User"}}
    ]


async def test_a_closed_campaign_is_told_though_no_record_tells_it(life: Installation) -> None:
    sink = Memory()
    going = export(life, sink, format="ocsf")
    await going.catch_up()
    before = len(sink.lines)
    (campaign,) = await life.store.alerts("default", kind="campaign")
    now = to_micros(START) + HOUR
    about = AskedVerdict(tenant="default", about="alert", target=campaign.id, verdict="compromised", time=now)
    asked = await life.store.ask_verdict(about)
    await life.store.settle_verdict(asked, now=now, answered=0, alerts=[campaign.id])
    await going.catch_up()
    (closed,) = sink.documents[before:]
    assert (closed["finding_info"]["uid"], closed["verdict"]) == (campaign.id, "True Positive")
    assert await going.catch_up() == 0

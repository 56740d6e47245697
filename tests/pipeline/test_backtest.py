"""Replaying history: the same rules say the same again, other rules say what they would have, nothing is changed."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sentinel.events.clock import DAY
from sentinel.past.windows import Track
from sentinel.pipeline.backtest import Plan, answered, play
from sentinel.pipeline.compare import Comparison, compare
from sentinel.pipeline.item import TenantSettings
from sentinel.pipeline.pack import unpack_assessment
from sentinel.pipeline.played import Played
from sentinel.rules.load import load_rules, packaged_rules
from sentinel.rules.ruleset import RuleSet
from sentinel.store.sqlite.spill import Spill
from tests.pipeline.installation import AWAY, RULES, START, Installation, digest, login


def micros(hours: float = 0) -> int:
    return int((START + timedelta(hours=hours)).timestamp() * 1_000_000)


def under(rules: RuleSet) -> Callable[[str], TenantSettings]:
    settings = TenantSettings(rules=rules)
    return lambda tenant: settings


def changed(folder: Path, **files: str) -> RuleSet:
    """The packaged rules with local files over them."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return RuleSet(load_rules([packaged_rules(), folder]))


async def replay(inst: Installation, rules: RuleSet = RULES, *, since: int = 0, **more: Any) -> Played:
    extent = await inst.store.extent()
    until = more.pop("until", extent.newest)
    plan = Plan(records=extent.records, since=since, until=until, answered=await answered(inst.store))
    return await play(inst.store, under(rules), plan, **more)


async def difference(inst: Installation, rules: RuleSet, since: int = 0) -> Comparison:
    return compare(await replay(inst, since=since), await replay(inst, rules, since=since), since)


@pytest.fixture
async def inst(tmp_path: Path) -> Any:
    """Four logins at home, a strange one, an answer to it, and the same device once more."""
    installation = Installation(tmp_path)
    await installation.run([login(hour) for hour in range(0, 96, 24)])
    await installation.one(login(100, **AWAY))
    await installation.one(installation.answer("e-100", "legitimate"))
    await installation.one(login(130, **AWAY))
    await installation.run([login(131, after=timedelta(seconds=n), id=f"f-{n}", outcome="failure",
                                  reason="bad_password") for n in range(12)])  # fmt: skip
    yield installation
    await installation.store.close()


async def stored(inst: Installation) -> list[tuple[str, float | None, str, list[str]]]:
    """What was said of the events with findings when they were judged."""
    out = []
    async for record in inst.store.history():
        if record.type != "feedback":
            said = unpack_assessment(record.assessment, "", None)
            if said.findings:
                out.append((record.key, said.risk, said.decision, [finding.rule for finding in said.findings]))
    return out


def marks(played: Played) -> list[tuple[str, float, str, list[str]]]:
    columns = played.marks
    names = list(played.decisions)
    return [
        (key, columns.risks[at], names[columns.decisions[at]], list(played.sets[columns.found[at]]))
        for at, key in enumerate(columns.keys)
    ]


async def test_the_same_rules_say_the_same_again(inst: Installation) -> None:
    said = await stored(inst)
    assert len(said) >= 3
    assert marks(await replay(inst)) == said


async def test_alerts_and_mails_are_those_of_then(inst: Installation) -> None:
    played = await replay(inst)
    rows = await inst.store.alerts("default")
    assert sorted((alert.kind, alert.first, alert.last) for alert in played.alerts.values()) == sorted(
        (row.kind, row.first, row.last) for row in rows
    )
    counts = await inst.store.mail_counts()
    assert sum(played.mails.values()) == counts["pending"] + counts["answered"]
    assert (played.events, played.logins) == (18, 6)


async def test_answers_are_given_again(inst: Installation) -> None:
    """The answer made the strange device known: without it the second login from there would be flagged."""
    extent = await inst.store.extent()
    plan = Plan(records=extent.records, since=0, until=extent.newest)
    deaf = await play(inst.store, under(RULES), plan)
    assert len(marks(deaf)) == len(marks(await replay(inst))) + 1


@pytest.mark.parametrize(("profiles", "entries"), [(1000, 100_000), (4, 12)])
async def test_little_memory_changes_nothing(tmp_path: Path, profiles: int, entries: int) -> None:
    inst = Installation(tmp_path)
    failed = {"outcome": "failure", "reason": "bad_password"}
    people = [
        login(hour, account=f"u-{n % 5}", id=f"{hour}-{n}", after=timedelta(seconds=n), device_id=f"d-{n % 3}",
              **(failed if n >= 5 else {}))
        for hour in range(6)
        for n in range(60)
    ]  # fmt: skip
    await inst.run(people)
    said = await stored(inst)
    assert said
    played = await replay(inst, profiles=profiles, entries=entries)
    assert marks(played) == said
    await inst.store.close()


async def test_only_what_came_since_counts_and_the_past_is_built_all_the_same(inst: Installation) -> None:
    played = await replay(inst, since=micros(130))
    assert played.events == 13
    assert [rules for _, _, _, rules in marks(played)] == [["brute_force_account"]] * 3
    early = await replay(inst, until=micros(99))
    assert (early.events, marks(early)) == (4, [])


async def test_a_change_tells_what_it_gains_and_loses(inst: Installation, tmp_path: Path) -> None:
    calm = changed(
        tmp_path / "calm",
        new_device="risk = 0\n",
        new_country="risk = 0\n",
        impossible_travel="risk = 0\n",
        hosting_network="risk = 0\n",
    )
    lost = await difference(inst, calm)
    assert (lost.gained, lost.lost, lost.accounts) == (0, 1, 1)
    assert (lost.before.alerts, lost.after.alerts) == (2, 1)
    by_rule = {rule.rule: rule for rule in lost.rules}
    assert (by_rule["new_device"].lost, by_rule["new_device"].gained) == (1, 0)
    assert by_rule["brute_force_account"].lost == 0
    (example,) = lost.examples
    assert example.decision[1] == "allow"
    assert example.risk[0] > example.risk[1]
    assert lost.before.mails_per_1000_logins == round(2000 / 6, 2)
    assert lost.after.mails_per_1000_logins == round(1000 / 6, 2)
    strict = changed(tmp_path / "strict", brute_force_account="[params]\nmin_failures = 3\n")
    gained = await difference(inst, strict)
    # Reached seven failures earlier it is the same alert: more events, none gained.
    assert (gained.gained, gained.lost) == (0, 0)
    assert {rule.rule: (rule.before, rule.after) for rule in gained.rules}["brute_force_account"] == (3, 10)
    new = changed(tmp_path / "new", brute_force_account="[params]\nmin_failures = 99\n")
    assert (await difference(inst, new)).lost == 1


async def test_what_began_before_is_neither_gained_nor_lost(inst: Installation, tmp_path: Path) -> None:
    quiet = changed(tmp_path / "quiet", brute_force_account='status = "off"\n')
    assert (await difference(inst, quiet, since=micros(100))).lost == 1
    # The attack was under way already.
    assert (await difference(inst, quiet, since=micros(131) + 11_000_000)).lost == 0


async def test_shadow_is_told_apart(inst: Installation, tmp_path: Path) -> None:
    shadow = changed(tmp_path / "shadow", brute_force_account='status = "shadow"\n')
    held = {rule.rule: (rule.before, rule.after) for rule in (await difference(inst, shadow)).rules}
    assert held["brute_force_account"] == (3, 0)
    assert held["brute_force_account (shadow)"] == (0, 3)


async def test_a_replay_crosses_to_another_process_whole(inst: Installation) -> None:
    played = await replay(inst)
    again = Played.unpack(played.pack())
    assert marks(again) == marks(played)
    assert compare(again, played, 0).examples == []
    assert (again.events, again.logins, again.mails, again.alerts) == (
        played.events,
        played.logins,
        played.mails,
        played.alerts,
    )


async def test_nothing_is_changed(inst: Installation, tmp_path: Path) -> None:
    before = digest(inst.path)
    await difference(inst, changed(tmp_path / "any", new_device="risk = 99\n"))
    assert digest(inst.path) == before


async def test_progress_comes_to_the_end(inst: Installation) -> None:
    said: list[int] = []
    await replay(inst, progress=said.append)
    assert said == [19]


def test_a_spill_keeps_what_does_not_fit() -> None:
    spill: Spill[str, list[int]] = Spill(
        10, msgspec.msgpack.encode, lambda data: msgspec.msgpack.decode(data), weigh=len
    )
    for number in range(50):
        spill.put(f"k-{number}", [number] * 2)
    assert spill.in_memory <= 5
    assert len(spill) == 50
    outside = spill._file.execute("SELECT data FROM value").fetchall()
    assert len(outside) >= 45
    assert not any(b"[7,7]" in data or msgspec.msgpack.encode([7, 7]) in data for (data,) in outside)
    assert [spill.get(f"k-{number}") for number in range(50)] == [[number] * 2 for number in range(50)]
    assert spill.get("other") is None
    held = spill.get("k-7")
    assert held is not None
    held.append(1)
    spill.put("k-7", held)
    for number in range(50):
        spill.get(f"k-{number}")
    assert spill.get("k-7") == [7, 7, 1]
    spill.close()


def test_nothing_lies_in_the_file_of_a_spill_in_the_clear() -> None:
    spill: Spill[str, bytes] = Spill(100, lambda value: value, lambda data: data, weigh=len)
    for number in range(400):
        spill.put(f"key-of-somebody-{number}", b"profile-of-somebody" * 5_000)
    # SQLite's name for its temporary files.
    files = [path for path in Path("/proc/self/fd").iterdir() if "etilqs_" in os.path.realpath(path)]
    content = b"".join(path.read_bytes() for path in files)
    assert len(content) > 10_000_000
    assert b"somebody" not in content
    assert spill.get("key-of-somebody-7") == b"profile-of-somebody" * 5_000
    spill.close()


def test_what_is_stale_is_forgotten_in_memory_and_outside() -> None:
    spill: Spill[int, Track] = Spill(
        3, lambda track: b"%d" % track.newest, lambda data: Track([(int(data), ())]), expires=lambda t: t.newest
    )
    for day in range(10):
        spill.put(day, Track([((day + 1) * DAY, ())]))
    spill.forget(9 * DAY)
    assert len(spill) == 2
    assert spill.get(3) is None
    assert spill.get(8) is not None
    spill.close()


async def test_a_campaign_is_the_same_one_by_its_networks(tmp_path: Path) -> None:
    inst = Installation(tmp_path)

    def spray(network: str, start: int, tries: int) -> list[dict[str, Any]]:
        return [
            login(0, id=f"{network}-{n}", account=f"u-{n}", after=timedelta(seconds=start + n), ip=f"{network}.9",
                  outcome="failure", reason="bad_password")
            for n in range(tries)
        ]  # fmt: skip

    await inst.run([*spray("203.0.113", 0, 20), *spray("198.51.100", 3, 16)])
    stricter = changed(tmp_path / "stricter", password_spray="[params]\nmin_failures = 18\n",
                       brute_force_address='status = "off"\n')  # fmt: skip
    found = await difference(inst, stricter)
    # The second network's is lost although the first one's campaign was there at the same time.
    assert (found.before.alerts, found.after.alerts, found.gained, found.lost) == (2, 1, 0, 1)
    assert (found.after.operator_mails, found.after.mails, found.accounts) == (1, {}, 0)
    await inst.store.close()


async def test_a_concluded_login_counts_once(inst: Installation) -> None:
    pending = login(200, device_id="tablet", outcome="pending")
    await inst.run([pending, login(201, device_id="tablet", concludes="e-200", after=timedelta(minutes=-55))])
    played = await replay(inst, since=micros(199))
    assert [rules for _, _, _, rules in marks(played)] == [["new_device"]]
    assert (played.logins, len(played.alerts)) == (1, 1)

"""Which logins are counted for drift, that it is once however they come, and that what is kept is nobody's."""

import sqlite3
from array import array
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.errors import StoreError
from sentinel.models.drift import Binned, Reference
from sentinel.models.features import NAMES
from sentinel.models.in_force import ModelsInForce
from sentinel.models.scorer import ModelScorer
from sentinel.models.stored import Model, usable
from sentinel.pipeline import drift
from sentinel.pipeline.drift import Counted, counts_of, open_counted
from sentinel.pipeline.item import Arrival
from sentinel.pipeline.request import Request
from sentinel.pipeline.rights import Rights
from sentinel.privacy.ledger import Ledger
from sentinel.privacy.sealer import Sealer
from sentinel.rules.ruleset import RuleSet
from sentinel.store.protocol import Changes
from tests.models.made import even, fitting, stump
from tests.pipeline.installation import AWAY, START, Installation, login

DAY = int(START.timestamp()) // 86_400
REFERENCE = even(len(NAMES))
IMPOSTOR, NOVELTY = "impostor 2026-10-01", "novelty 2026-10-02"


def models(reference: Reference | msgspec.UnsetType = REFERENCE, **changes: Any) -> ModelsInForce:
    given = {"reference": reference, **changes}
    return ModelsInForce(
        impostor=usable(fitting(version="2026-10-01", **given)),
        novelty=usable(fitting("novelty", version="2026-10-02", **given)),
    )


def installation(folder: Path, **more: Any) -> Installation:
    return Installation(folder, **({"rules": RuleSet(()), "scorer": ModelScorer(models())} | more))


@pytest.fixture(autouse=True)
def all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every login is looked at, unless a test is about the sample."""
    monkeypatch.setattr(drift, "FIRST_SHIFT", 0)


def come(inst: Installation, id: str, at: timedelta = timedelta(), **fields: Any) -> Arrival:
    """A login posted ``at`` so long after the start, when it happened."""
    tenant = fields.pop("tenant", "default")
    given = {name: value for name, value in (login(0, after=at) | fields | {"id": id}).items() if value is not None}
    return inst.arrival(given, tenant=tenant, received=START + at)


async def kept(inst: Installation, tenant: str = "default") -> dict[int, Counted]:
    """Day (0: that of the start) → counts."""
    found = await inst.store.drift(tenant, since=0)
    return {day - DAY: open_counted(inst.vault.drift, day, tenant, sealed) for day, sealed in found.items()}


async def looked(inst: Installation, tenant: str = "default") -> dict[int, int]:
    return {day: each.looked for day, each in (await kept(inst, tenant)).items()}


async def test_a_login_is_in_one_bin_of_each_feature_and_of_the_score(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    await inst.run([come(inst, "1"), come(inst, "2", timedelta(hours=1)), come(inst, "3", timedelta(hours=2), **AWAY)])
    found = (await kept(inst))[0]
    # The first login of the account has nothing to be held against.
    assert (found.looked, set(found.counts)) == (2, {IMPOSTOR, NOVELTY})
    parts = Binned(REFERENCE).parts(counts_of(found, IMPOSTOR))
    assert [sum(part) for part in parts] == [2] * (len(NAMES) + 1)
    # Once with the known device, once with another.
    assert list(parts[NAMES.index("device_share")]) == [0, 1, 1]
    assert list(parts[NAMES.index("network_rented")]) == [0, 1, 1]
    assert counts_of(found, "impostor 2020-01-01") == array("I")
    await inst.store.close()


NOT_COUNTED: dict[str, Callable[[Installation], Any]] = {
    "failure": lambda inst: come(inst, "1", outcome="failure", reason="bad_password"),
    "pending": lambda inst: come(inst, "1", outcome="pending"),
    "another type": lambda inst: come(inst, "1", type="session_seen", outcome=None),
    "no past": lambda inst: come(inst, "1", account="u-2"),
    "by an admin": lambda inst: come(inst, "1", actor="admin"),
    "from a file": lambda inst: msgspec.structs.replace(come(inst, "1"), received=None),
    "imported": lambda inst: msgspec.structs.replace(come(inst, "1"), silent=True),
    "again": lambda inst: come(inst, "before"),
}


@pytest.mark.parametrize("kind", NOT_COUNTED)
async def test_what_is_not_counted(tmp_path: Path, kind: str) -> None:
    inst = installation(tmp_path)
    await inst.run([come(inst, "before")])
    await inst.run([NOT_COUNTED[kind](inst)])
    assert await kept(inst) == {}
    await inst.run([come(inst, "counts")])
    assert await looked(inst) == {0: 1}
    await inst.store.close()


async def test_a_restricted_account_is_not_looked_at(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    await inst.run([come(inst, "before"), come(inst, "counts")])
    ledger = Ledger(tmp_path / "erasures.db", inst.vault.root.derive("ledger"))
    rights = Rights(inst.store, inst.vault, ledger, lambda work: work())
    asked = Request(what="restrict", tenant="default", account="u-1", time=DAY * 86_400_000_000, by="operator")
    await rights.exercise(asked)
    await inst.run([come(inst, "not")])
    assert await looked(inst) == {0: 1}
    ledger.close()
    await inst.store.close()


async def test_flagged_logins_count_whatever_gates_say(tmp_path: Path) -> None:
    inst = Installation(tmp_path, scorer=ModelScorer(models()))
    outcomes = await inst.run([come(inst, str(n), timedelta(days=n)) for n in range(5)])
    outcomes += await inst.run([come(inst, "odd", timedelta(days=5), **AWAY)])
    assert outcomes[-1].assessment is not None
    assert outcomes[-1].assessment.decision != "allow"
    assert await looked(inst) == dict.fromkeys(range(1, 6), 1)
    await inst.store.close()


async def test_days_are_those_of_arrival_and_never_come_back_to(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    night = timedelta(hours=15)
    late = msgspec.structs.replace(come(inst, "late", night - timedelta(minutes=1)))
    await inst.run([come(inst, "before"), come(inst, "1"), come(inst, "2", night), late])
    assert await looked(inst) == {0: 1, 1: 2}
    await inst.store.close()


async def test_tenants_are_apart(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    for tenant in ("default", "shop", "shop"):
        await inst.run([come(inst, f"{tenant}-{n}-{tenant}", tenant=tenant) for n in range(2)])
    await inst.run([come(inst, "more", tenant="shop")])
    assert (await looked(inst), await looked(inst, "shop")) == ({0: 1}, {0: 2})
    await inst.store.close()


# However they come


HOURS = st.integers(0, 60)
COME = st.lists(st.tuples(st.sampled_from(("u-1", "u-2", "u-3")), HOURS, st.booleans()), min_size=1, max_size=25)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(COME, st.integers(1, 9), st.booleans())
async def test_batches_of_any_size_and_restarts_count_the_same(
    all_come: list[tuple[str, int, bool]], size: int, restart: bool
) -> None:
    found = []
    for each in (1000, size):
        with TemporaryDirectory() as folder:
            inst = installation(Path(folder))
            items = [
                come(inst, str(n), timedelta(hours=hour), account=account, **(AWAY if away else {}))
                for n, (account, hour, away) in enumerate(sorted(all_come, key=lambda one: one[1]))
            ]
            for at in range(0, len(items), each):
                await inst.run(items[at : at + each], size=each)
                if restart and each == size:
                    await inst.reopen()
            found.append(await kept(inst))
            await inst.store.close()
    assert found[0] == found[1]


async def test_a_batch_that_is_not_stored_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inst = installation(tmp_path)
    await inst.run([come(inst, "before"), come(inst, "1")])

    async def full(changes: Changes) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(inst.store, "commit", full)
        with pytest.raises(StoreError):
            await inst.run([come(inst, "2")])
    await inst.run([come(inst, "3")])
    assert await looked(inst) == {0: 2}
    await inst.store.close()


async def test_a_batch_without_any_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inst = installation(tmp_path)
    written: list[int] = []
    commit = inst.store.commit

    async def noting(changes: Changes) -> None:
        written.append(len(changes.drift))
        await commit(changes)

    monkeypatch.setattr(inst.store, "commit", noting)
    refused = {"outcome": "failure", "reason": "bad_password"}
    for number, fields in enumerate(({}, {}, refused, {})):
        await inst.run([come(inst, str(number), **fields)])
    assert written == [0, 1, 0, 1]
    await inst.store.close()


# The sample


async def test_how_many_are_looked_at_follows_the_day_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "FIRST_SHIFT", 2)
    monkeypatch.setattr(drift, "WANTED", 20)
    inst = installation(tmp_path)
    for day, number in enumerate((121, 120, 120, 40, 16, 10)):
        at = timedelta(days=day)
        await inst.run([come(inst, f"{day}-{n}", at + timedelta(seconds=n)) for n in range(number)])
    found = await kept(inst)
    shifts = [each.shift for each in found.values()]
    assert (len(shifts), shifts[0], shifts[5]) == (6, 2, 0)
    assert [shift in (2, 3) for shift in shifts[1:4]] == [True] * 3
    for day in (0, 1, 2):
        share = found[day].looked / 120
        assert 0.4 < share * 2 ** shifts[day] < 1.6
    assert found[5].looked == 10
    await inst.store.close()


async def test_a_day_has_a_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "MOST", 3)
    inst = installation(tmp_path)
    await inst.run([come(inst, str(n)) for n in range(9)])
    await inst.run([come(inst, f"next-{n}", timedelta(days=1)) for n in range(2)])
    assert await looked(inst) == {0: 3, 1: 2}
    await inst.store.close()


# Models


@pytest.mark.parametrize("none", [ModelsInForce(), models(msgspec.UNSET)])
async def test_without_a_reference_nothing_is_kept(tmp_path: Path, none: ModelsInForce) -> None:
    inst = installation(tmp_path, scorer=ModelScorer(none))
    await inst.run([come(inst, "before"), come(inst, "1")])
    assert await kept(inst) == {}
    await inst.store.close()


async def test_a_model_that_fails_costs_its_counts_only(tmp_path: Path) -> None:
    def fails(vector: Any) -> float:
        raise ValueError

    broken = Model(kind="impostor", version="2026-10-01", raw=fails, predict=fails, reference=REFERENCE)
    inst = installation(tmp_path, scorer=ModelScorer(ModelsInForce(impostor=broken)))
    outcomes = await inst.run([come(inst, "before"), come(inst, "1")])
    assert all(each.assessment for each in outcomes)
    assert await kept(inst) == {}
    await inst.store.close()


async def test_a_new_model_is_counted_beside_the_one_before(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    await inst.run([come(inst, "before"), come(inst, "1")])
    inst._settings = msgspec.structs.replace(
        inst._settings,
        scorer=ModelScorer(ModelsInForce(impostor=usable(fitting(version="2026-11-01", reference=REFERENCE)))),
    )
    await inst.run([come(inst, "2"), come(inst, "3")])
    found = (await kept(inst))[0]
    each = {name: sum(counts_of(found, name)[-3:]) for name in found.counts}
    assert (found.looked, each) == (3, {IMPOSTOR: 1, NOVELTY: 1, "impostor 2026-11-01": 2})
    await inst.store.close()


async def test_counting_changes_no_assessment(tmp_path: Path) -> None:
    found = []
    for name, reference in (("with", REFERENCE), ("without", msgspec.UNSET)):
        inst = Installation(tmp_path / name, scorer=ModelScorer(models(reference, trees=[stump(at=0.2)])))
        items = [come(inst, str(n), timedelta(hours=n), **(AWAY if n > 7 else {})) for n in range(10)]
        found.append([msgspec.to_builtins(each.assessment) for each in await inst.run(items)])
        await inst.store.close()
    assert found[0] == found[1]


# What is kept


async def test_no_person_is_in_what_is_kept(tmp_path: Path) -> None:
    """Two people who do the same leave the same, and nothing tells the order or the time in a day."""
    opened = []
    for name, accounts in (("a", "12"), ("b", "21")):
        inst = installation(tmp_path / name)
        await inst.run([come(inst, f"first-{n}", account=f"u-{n}") for n in accounts])
        await inst.run([come(inst, f"{n}", timedelta(hours=1), account=f"u-{n}") for n in accounts])
        ((sealed, day),) = rows(inst.path, "SELECT sealed, day FROM drift")
        opened.append(inst.vault.drift(day).open(sealed, f"drift.{day}.default"))
        await inst.store.close()
    assert opened[0] == opened[1]
    counted = msgspec.msgpack.decode(opened[0], type=Counted)
    assert set(msgspec.to_builtins(counted, str_keys=False)[2]) == {IMPOSTOR, NOVELTY}
    assert all(len(each) == 4 * Binned(REFERENCE).width for each in counted.counts.values())


async def test_a_day_is_sealed_and_bound_to_its_row(tmp_path: Path) -> None:
    inst = installation(tmp_path)
    await inst.run([come(inst, "before"), come(inst, "1")])
    ((sealed,),) = rows(inst.path, "SELECT sealed FROM drift")
    assert IMPOSTOR.encode() not in sealed
    for sealer, day, tenant in (
        (lambda day: Sealer(b"x" * 32), DAY, "default"),
        (inst.vault.drift, DAY + 1, "default"),
        (inst.vault.drift, DAY, "shop"),
    ):
        with pytest.raises(StoreError, match="does not open"):
            open_counted(sealer, day, tenant, sealed)
    await inst.store.close()


async def test_a_damaged_day_begins_anew_and_refuses_no_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    inst = installation(tmp_path)
    await inst.run([come(inst, "before"), come(inst, "1"), come(inst, "2")])
    with closing(sqlite3.connect(inst.path)) as database:
        database.execute("UPDATE drift SET sealed = x'00'")
        database.commit()
    await inst.reopen()
    await inst.run([come(inst, "3")])
    assert await looked(inst) == {0: 1}
    assert "drift of tenant default" in caplog.text
    await inst.store.close()


def rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()

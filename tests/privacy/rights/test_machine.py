"""Thousands of random steps against a shadow model: what is restricted is not scored, mailed, shown or learned from;
what a person is shown is what there is of them; who was erased never existed."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from sentinel.errors import Conflict
from sentinel.past.profile import encode_profile
from tests.pipeline.installation import content
from tests.privacy.erasure import rig
from tests.privacy.rights.model import Life
from tests.privacy.rights.world import PEOPLE, Deed, Who, World, event, twin

#: Examples and steps of each; ``SENTINEL_SOAK`` multiplies them, with other choices every time.
EXAMPLES, STEPS = 40, 80
SOAK = int(os.environ.get("SENTINEL_SOAK", "0"))
#: Minutes between two steps.
PACE = 37
PERSON = st.sampled_from([Who(*each) for each in PEOPLE])


class Machine(RuleBasedStateMachine):
    """See the module."""

    steps: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(prefix="rights-")
        self.folder = Path(self._folder.name)
        self.world = World(self.folder / "live")
        self.deeds: list[Deed] = []  #: all that was done to who is there
        self.saved: list[Deed] | None = None  #: the same at the time of the backup
        self.erased: set[int] = set()
        self.lives: dict[Who, Life] = {}
        self.farewells: set[str] = set()  #: last mails to those who were erased
        self.minutes = 0
        self.number = 0

    # Steps

    def _step(self, name: str) -> int:
        self.steps[name] += 1
        self.minutes += PACE
        return self.minutes

    def _life(self, who: Who) -> int:
        return self.lives[who].number if who in self.lives else self.number + 1

    def _do(
        self, who: Who, deed: str, check: Callable[[Life, Any], None] = lambda life, found: None, /, **details: Any
    ) -> Any:
        life = self.lives.get(who)
        if life is None:
            self.number += 1
            life = self.lives[who] = Life(self.number)
        done = Deed(deed, who, life.number, self.minutes, details, life.held)
        found = self.world.do(done)
        check(life, found)
        life.do(done)
        self.deeds.append(done)
        return found

    @rule(who=PERSON, stranger=st.booleans(), fields=st.sampled_from([{}, {"email": "a"}, {"email": "b", "name": "N"}]))
    def login(self, who: Who, stranger: bool, fields: dict[str, str]) -> None:
        at = self._step("login")
        given = {
            name: f"{value}{who.number}@example.org" if name == "email" else value for name, value in fields.items()
        }
        self._post(who, [event(who, self._life(who), at, f"e-{at}", stranger=stranger, **given)])

    @rule(who=PERSON, then=st.sampled_from(["", "restrict", "object"]))
    def settle_in(self, who: Who, then: str) -> None:
        """A past long enough for a stranger to stand out, an address to write to; and no mail, if they wish none."""
        at = self._step(f"settle_in {then}")
        life, email = self._life(who), f"a{who.number}@example.org"
        self._post(who, [event(who, life, at + each, f"e-{at}-{each}", email=email) for each in range(4)])
        if who in self.lives and not self.lives[who].held:
            at = self._step("stranger")
            self._post(who, [event(who, life, at, f"e-{at}", stranger=True)])
            if then:
                self._do(who, "exercise", what=then)

    @rule(who=PERSON, stranger=st.booleans(), count=st.sampled_from([1, 2, 12]))
    def failures(self, who: Who, stranger: bool, count: int) -> None:
        at = self._step("failures")
        wrong = {"outcome": "failure", "reason": "bad_password"}
        self._post(
            who,
            [event(who, self._life(who), at, f"e-{at}-{each}", stranger=stranger, **wrong) for each in range(count)],
        )

    def _post(self, who: Who, events: list[dict[str, Any]]) -> None:
        before = self._profile(who)

        def check(life: Life, outcomes: Any) -> None:
            for outcome in outcomes:
                assert outcome.error is None
                assert outcome.assessment is not None
                assert (outcome.assessment.restricted is True) == life.held
                assert (outcome.assessment.risk is None) == life.held
                if life.held:
                    assert not outcome.notices
                    assert not outcome.fired
                    assert outcome.assessment.decision == "allow"
            if life.held:
                assert self._profile(who) == before

        self._do(who, "post", check, events=events)

    @precondition(lambda self: any(life.events for life in self.lives.values()))
    @rule(data=st.data(), verdict=st.sampled_from(["legitimate", "compromised"]))
    def answer(self, data: st.DataObject, verdict: str) -> None:
        self._step("answer")
        who = data.draw(st.sampled_from([who for who, life in self.lives.items() if life.events]))
        self._answer(who, data.draw(st.sampled_from([each["id"] for each in self.lives[who].events])), verdict)

    @precondition(lambda self: any(life.quiet and not life.held for life in self.lives.values()))
    @rule(data=st.data(), verdict=st.sampled_from(["legitimate", "compromised"]))
    def answer_quiet(self, data: st.DataObject, verdict: str) -> None:
        """About what came while the account was restricted, which it is no more."""
        self._step("answer_quiet")
        who = data.draw(st.sampled_from([who for who, life in self.lives.items() if life.quiet and not life.held]))
        self._answer(who, data.draw(st.sampled_from(self.lives[who].quiet)), verdict)

    def _answer(self, who: Who, told: str, verdict: str) -> None:
        before = self._profile(who)

        def check(life: Life, outcome: Any) -> None:
            assert outcome.error is None
            if life.held or told in life.quiet:
                assert self._profile(who) == before

        self._do(who, "answer", check, event=told, verdict=verdict)

    @rule(who=PERSON, name=st.sampled_from(["Ada", "Bo"]))
    def rectify(self, who: Who, name: str) -> None:
        self._step("rectify")
        self._do(who, "rectify", email=f"{name.lower()}-{who.number}@example.org", name=name)

    @rule(who=PERSON, what=st.sampled_from(["restrict", "lift", "object", "uphold", "reject"]))
    def right(self, who: Who, what: str) -> None:
        self._step(what)
        details: dict[str, Any] = {"what": what}
        if what in ("uphold", "reject"):
            details = {"what": "decide", "decision": {"uphold": "upheld", "reject": "rejected"}[what]}
        life = self.lives.get(who)
        objected = life is not None and life.objected
        if objected == (what == "lift") and what in ("lift", "uphold", "reject"):
            deed = Deed("exercise", who, 0, self.minutes, details)
            with pytest.raises(Conflict):
                self.world.do(deed)
            return
        if what == "lift" and (life is None or not life.held):
            before = self._profile(who)
            found = self.world.do(Deed("exercise", who, 0, self.minutes, details))
            assert (found.changed, found.restricted) == (False, False)
            assert self._profile(who) == before
            return
        found = self._do(who, "exercise", **details)
        assert found.restricted == self.lives[who].held

    @rule(who=PERSON)
    def erase(self, who: Who) -> None:
        self._step("erase")
        self._erase(who)

    @precondition(lambda self: self.saved is not None)
    @rule(who=PERSON)
    def erase_and_restore(self, who: Who) -> None:
        """The backup is older than the erasure."""
        self._step("erase and restore")
        self._erase(who)
        self._restore()

    def _erase(self, who: Who) -> None:
        mails = self._mails()
        found = self.world.exercise(Deed("exercise", who, 0, self.minutes, {"what": "erase"}))
        assert found.receipt is not None
        assert found.restricted is False
        entry = self.world.ledger.get(found.receipt)
        assert entry is not None
        assert entry.done > 0
        assert self.world.run(self.world.inst.store.left_of(entry.rows)) == 0
        assert self.world.key(who) is None
        self.farewells |= self._mails() - mails
        if (life := self.lives.pop(who, None)) is not None:
            self.erased.add(life.number)
            self.deeds = [deed for deed in self.deeds if deed.life != life.number]

    @rule()
    def deliver(self) -> None:
        self._step("deliver")
        deed = Deed("deliver", None, 0, self.minutes, {})
        handles = {key.handle: who for who in self.lives if (key := self.world.key(who)) is not None}
        for mail in self.world.do(deed):
            self.steps["mail"] += 1
            notice = mail.notice
            if notice.account is not None:
                assert not self.lives[handles[notice.account]].held
            else:
                assert notice.kind == "campaign" or notice.addressed is not None
        self.deeds.append(deed)

    @rule(who=PERSON)
    def access(self, who: Who) -> None:
        self._step("access")
        self._look(who)

    # Not again and again: what happens between two of them is what matters.
    @precondition(lambda self: self.saved is None or len(self.deeds) > len(self.saved) + 4)
    @rule()
    def backup(self) -> None:
        self._step("backup")
        self.world.backup()
        self.saved = list(self.deeds)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def restore(self) -> None:
        self._step("restore")
        self._restore()

    def _restore(self) -> None:
        self.world.restore()
        assert self.saved is not None
        since = [deed for deed in self.deeds if deed not in self.saved]
        self.deeds = [deed for deed in self.saved if deed.life not in self.erased]
        # What was asked for since stands, also of an account that the backup does not know.
        self.deeds += [deed for deed in since if deed.what == "exercise" and deed.life not in self.erased]
        self.lives = {}
        for deed in self.deeds:
            if deed.who is not None:
                self.lives.setdefault(deed.who, Life(deed.life)).do(deed)
        for who in (Who(*each) for each in PEOPLE):
            self._look(who)

    @rule()
    def reopen(self) -> None:
        self._step("reopen")
        self.world.reopen()

    # Looks

    def _look(self, who: Who) -> None:
        """What the store gives of an account is what the model has."""
        life, key, store = self.lives.get(who), self.world.key(who), self.world.inst.store
        if key is None:
            assert life is None
            return
        life = life or Life(0)  # restored to before it came: a key, and nothing found with it

        async def gather() -> tuple[Any, ...]:
            records = [record async for record in store.history(key.handle)]
            return (
                [(record, await store.raw(record)) for record in records],
                await store.attributes(key.handle),
                await store.profile(key.handle),
                await store.alerts(who.tenant, account=key.handle),
            )

        records, attributes, profile, alerts = self.world.run(gather())
        told = [(record, raw) for record, raw in records if record.type != "feedback"]
        assert [(r.event_id, r.account_id, raw.ip, raw.device_id, raw.user_agent) for r, raw in told] == [
            (each["id"], who.account, each["ip"], each["device_id"], each["user_agent"]) for each in life.events
        ]
        assert [record.event_id for record, _ in told if record.restricted] == life.quiet
        assert len(records) - len(told) == life.answers
        shown = {} if attributes is None else {"email": attributes.email, "name": attributes.name}
        assert {name: value for name, value in shown.items() if value} == life.attributes
        assert [right.what for right in (profile.rights if profile else [])] == life.rights[-64:]
        assert (profile is not None and profile.restricted) == life.held
        if life.held:
            assert alerts == []

    def _profile(self, who: Who) -> bytes | None:
        found = self.world.run(self.world.inst.profile(who.account, who.tenant))
        return encode_profile(found) if found is not None else None

    def _mails(self) -> set[str]:
        return {row[0] for row in self.world.inst.store._read_db.execute("SELECT alert FROM mail")}

    def teardown(self) -> None:
        try:
            for who in (Who(*each) for each in PEOPLE):
                self._look(who)
            self._erased_never_existed()
            self._restricted_is_not_learned_from()
        finally:
            self.world.end()
            self._folder.cleanup()

    def _erased_never_existed(self) -> None:
        """An installation to which only the rest was done has the same content. What many share (windows, campaigns,
        told to nobody but operators) may hold more: nothing of it belongs to anybody."""
        other = twin(self.folder / "twin", self.deeds)
        other.end()
        mine, theirs = content(self.world.inst.path), content(other.inst.path)
        for name in ("events", "attributes"):
            assert mine[name] == theirs[name], name
        profiles, others = dict(mine["profiles"]), dict(theirs["profiles"])
        assert {n: p for n, p in profiles.items() if ":" not in n} == {n: p for n, p in others.items() if ":" not in n}
        for name, kind in (("alerts", "kind"),):
            assert own(mine[name], kind) == own(theirs[name], kind)
        assert all(each in mine["alerts"] for each in theirs["alerts"])
        mails = [mail for mail in mine["mails"] if mail[0] not in self.farewells]
        assert all(each in mails for each in theirs["mails"])
        rows, theirs_too = self.world.owned(), other.owned()
        assert rows == theirs_too
        kept = Counter(map(repr, mine["tracks"]))
        assert not Counter(map(repr, theirs["tracks"])) - kept
        if not self.erased:
            assert mine == theirs

    def _restricted_is_not_learned_from(self) -> None:
        """A backtest learns what it would learn of an installation that never got the events of restricted spans, nor
        any of an account that is restricted now."""
        quiet = {id for life in self.lives.values() for id in life.quiet}
        held = {life.number for life in self.lives.values() if life.held}
        judged = [
            deed
            for deed in self.deeds
            if deed.what in ("post", "answer")
            and not deed.restricted
            and deed.details.get("event") not in quiet
            and deed.life not in held
        ]
        other = twin(self.folder / "judged", judged)
        found = other.replayed()
        other.end()
        learned = self.world.replayed()
        for name, value in found.items():
            assert learned[name] == value, name


def own(alerts: list[Any], kind: str) -> list[Any]:
    """Without campaigns, which are of many accounts."""
    return [alert for alert in alerts if alert[kind] != "campaign"]


def test_rights_hold_whatever_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sentinel.store.sqlite.store", "sentinel.privacy.keyring", "sentinel.privacy.ledger"):
        monkeypatch.setattr(f"{module}.connect", rig.unsynced)
    Machine.steps.clear()
    chosen = settings(
        max_examples=EXAMPLES * max(1, SOAK), stateful_step_count=STEPS, derandomize=not SOAK, deadline=None,
        database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    run_state_machine_as_test(Machine, settings=chosen)  # type: ignore[no-untyped-call]
    assert Machine.steps.total() - Machine.steps["mail"] >= 2000
    # Nothing is true because it never came up.
    assert min(Machine.steps.values()) > 2, Machine.steps

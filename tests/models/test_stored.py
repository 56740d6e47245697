"""A model's file is used as it was written, where it belongs and as long as it may be, or it abstains and says why."""

import json
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.models.stored import Abstains, Model, ModelFile, decode, digest, encode, unfit, usable
from sentinel.models.trees import Trees
from tests.models.made import FEATURES, RECIPE, model_file, stump

TODAY = date(2026, 3, 1)


def load(content: bytes, **changes: Any) -> Model | Abstains:
    """As whoever puts models in force does it, see :mod:`sentinel.models.in_force`."""
    file = decode(content)
    if isinstance(file, Abstains):
        return file
    where: dict[str, Any] = {"kind": "impostor", "tenant": "default", "features": FEATURES, "recipe": RECIPE}
    reason = unfit(file, **(where | {"today": TODAY} | changes))
    return usable(file) if reason is None else Abstains(reason, file.version)


def abstains(found: Model | Abstains, said: str) -> None:
    assert isinstance(found, Abstains), found
    assert said in found.reason


def changed(**changes: Any) -> bytes:
    """A file with other values, and a hash that fits them."""
    content = json.loads(encode(model_file())) | changes
    del content["sha256"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    from hashlib import sha256

    return json.dumps(content | {"sha256": f"sha256:{sha256(text.encode()).hexdigest()}"}).encode()


def test_it_answers_as_it_was_made() -> None:
    found = load(encode(model_file(trees=[stump(low=-2.0, high=2.0)])))
    assert isinstance(found, Model)
    assert (found.kind, found.version) == ("impostor", "2026-02-01")
    assert found.raw((0.0, 0.0, 0.0)) == -2.0
    assert found.predict((1.0, 0.0, 0.0)) == pytest.approx(1 / (1 + 2.718281828459045**-2))
    novelty = load(encode(model_file("novelty")), kind="novelty")
    assert isinstance(novelty, Model)
    assert novelty.raw((0.0, 0.0, 0.0)) == 0.5
    assert novelty.predict((1.0, 0.0, 0.0)) == pytest.approx(25)


def test_the_hash_is_of_the_content_and_not_of_how_it_is_written() -> None:
    file = model_file()
    pretty = json.dumps(dict(reversed(json.loads(encode(file)).items())), indent=4).encode()
    assert isinstance(load(pretty), Model)
    assert digest(file) == digest(msgspec.structs.replace(file, sha256="anything"))
    # This very one, so that no release computes another over the same content unnoticed.
    assert digest(file) == "sha256:2a9b1728ae07d2c696e49013bd1bef35934bed61e179a92bc9f37d7119cfa1ce"


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"kind": "novelty"}, "of kind impostor"),
        ({"tenant": "other"}, "another tenant"),
        ({"tenant": None}, "another tenant"),
        ({"features": FEATURES[:2]}, "hour_share"),
        ({"features": FEATURES[::-1]}, "in their order"),
        ({"recipe": "sha256:" + "1" * 64}, "another recipe"),
        ({"today": date(2027, 1, 1)}, "since 2026-01-01, more than 365 days"),
    ],
)
def test_where_it_does_not_belong_it_abstains(where: dict[str, Any], said: str) -> None:
    found = load(encode(model_file()), **where)
    abstains(found, said)
    assert found.version == "2026-02-01"


def test_it_is_used_to_its_last_day_and_the_baseline_for_ever() -> None:
    assert isinstance(load(encode(model_file()), today=date(2026, 12, 31)), Model)
    baseline = encode(model_file(tenant=None, version="baseline-2026-02-01"))
    assert isinstance(load(baseline, tenant=None, today=date(2036, 1, 1)), Model)


def test_what_was_changed_by_hand_abstains() -> None:
    content = json.loads(encode(model_file()))
    abstains(load(json.dumps(content | {"rows": 1001}).encode()), "its hash is another")
    abstains(load(json.dumps(content | {"sha256": ""}).encode()), "its hash is another")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "format 1"),
        ({"kind": "likelihood"}, "damaged"),
        ({"version": "yesterday"}, "damaged"),
        ({"version": "baseline-2026-02-01"}, "of no tenant"),
        ({"tenant": None}, "of no tenant"),
        ({"rows": 0}, "damaged"),
        ({"last_day": "2025-12-31"}, "ends before it begins"),
        ({"features": ["a", "a", "b"]}, "twice"),
        ({"features": []}, "damaged"),
        ({"calibration": None}, "has a calibration"),
        ({"kind": "novelty"}, "has a calibration"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_does_not_fit_together_abstains(changes: dict[str, Any], said: str) -> None:
    assert isinstance(load(changed()), Model)
    abstains(load(changed(**changes)), said)


def test_no_tree_is_compiled_that_was_not_checked() -> None:
    tree = json.loads(encode(model_file()))["trees"]["trees"][0]
    for change, said in (
        ({"feature": [7, -1, -1]}, "feature 7, and there are 3"),
        ({"left": [0, 0, 0]}, "goes on at 0"),
        ({"feature": ["__import__('os')", -1, -1]}, "damaged"),
        ({"threshold": ["0", 0, 0]}, "damaged"),
        ({"threshold": [True, 0, 0]}, "damaged"),
    ):
        abstains(load(changed(trees={"baseline": 0.0, "trees": [tree | change]})), said)


def test_no_score_beyond_the_table() -> None:
    with pytest.raises(ValueError, match="not negative"):
        model_file("novelty", [stump(low=-1.0)])
    with pytest.raises(ValueError, match="not negative"):
        msgspec.structs.replace(model_file("novelty"), trees=Trees(baseline=-1.0, trees=(stump(),)))


@given(st.data())
def test_damage_never_raises(data: st.DataObject) -> None:
    content = encode(model_file())
    kind = data.draw(st.sampled_from(("cut", "flip", "any")))
    if kind == "cut":
        broken = content[: data.draw(st.integers(0, len(content) - 1))]
    elif kind == "flip":
        at = data.draw(st.integers(0, len(content) - 1))
        broken = content[:at] + bytes([content[at] ^ data.draw(st.integers(1, 255))]) + content[at + 1 :]
    else:
        broken = data.draw(st.binary(max_size=100))
    found = load(broken)
    # White space and the like may be another and say the same.
    assert isinstance(found, Abstains) or decode(broken) == decode(content)


def test_deep_nesting_and_great_size_abstain(monkeypatch: pytest.MonkeyPatch) -> None:
    abstains(load(b'{"figures":' + b"[" * 100_000), "damaged")
    monkeypatch.setattr("sentinel.models.stored.MAX_BYTES", 100)
    abstains(load(encode(model_file())), "larger than 100 bytes")


def test_figures_that_are_no_numbers_cannot_be_written() -> None:
    with pytest.raises(ValueError):
        encode(model_file(figures={"auc": float("nan")}))


def test_usable_takes_what_decode_gives() -> None:
    file = decode(encode(model_file()))
    assert isinstance(file, ModelFile)
    assert usable(file).raw((0.0, 0.0, 0.0)) == 1.0


def test_a_window_at_the_end_of_the_calendar_has_an_end() -> None:
    file = model_file(first_day=date.max, last_day=date.max)
    assert file.ends == date.max

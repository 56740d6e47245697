"""A model as a file: JSON with all that is needed to use it and to tell whether it may be used.

Reading never raises: whatever is wrong with a file, the model abstains, and says why. Nothing of it is compiled before
all of it was checked.
"""

import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from hashlib import sha256
from math import exp2, nan
from typing import Annotated, Any, Final, Literal

import msgspec

from sentinel.models.calibration import Calibration, Percentiles, sigmoid
from sentinel.models.drift import Reference
from sentinel.models.trees import MAX_WIDTH, Score, Trees, compile_trees

Kind = Literal["impostor", "novelty"]
KINDS: Final[tuple[Kind, ...]] = ("impostor", "novelty")

#: The shape of the file. A change of meaning raises it, and older files abstain.
FORMAT: Final = 1
#: From the first day that a model learned from to the last day that it is used: what it learned of people dies with it.
LIFE_DAYS: Final = 365
#: A file that is damaged is of no use; so many days after its training nobody looks into it any more.
DAMAGED_DAYS: Final = 30
#: The most that is read of a file, in bytes; a forest of a hundred trees has a million.
MAX_BYTES: Final = 64 * 1024 * 1024

#: The day of training; a second one of the day has ``.2``. Those of the product begin with ``baseline-``.
VERSION: Final = r"^(baseline-)?[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[0-9]{1,3})?$"
_DIGEST: Final = r"^sha256:[0-9a-f]{64}$"

Digest = Annotated[str, msgspec.Meta(pattern=_DIGEST)]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Version = Annotated[str, msgspec.Meta(pattern=VERSION)]


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stands in a model's file. Raises :class:`ValueError` when it does not fit together.

    ``tenant`` is ``None`` for the baseline that comes with the product; it learned from made-up traffic only, and never
    gets too old. ``figures`` are what it reached on the hold-out, by name. ``sha256`` is of all else, see
    :func:`digest`.
    """

    kind: Kind
    version: Version
    tenant: Short | None
    features: Annotated[tuple[Short, ...], msgspec.Meta(min_length=1, max_length=MAX_WIDTH)]
    recipe: Digest  #: hash of the recipe it was made by
    sentinel: Short  #: version of the product that made it
    sklearn: Short  #: version of scikit-learn that fitted it
    first_day: date  #: UTC; the oldest day that it learned from
    last_day: date  #: UTC; the newest
    rows: Annotated[int, msgspec.Meta(ge=1)]
    trees: Trees
    calibration: Calibration | None = None  #: of an impostor model
    percentiles: Percentiles | None = None  #: of a novelty model
    typical: tuple[float | None, ...] = ()  #: median of each feature over people's logins, to explain by
    reference: Reference | msgspec.UnsetType = msgspec.UNSET  #: what logins were like, to tell drift by
    figures: Annotated[dict[Short, float], msgspec.Meta(max_length=200)] = {}
    format: int = FORMAT
    sha256: str = ""

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise ValueError("the training window ends before it begins")
        if (self.tenant is None) != self.version.startswith("baseline-"):
            raise ValueError("a version that begins with baseline- is of no tenant, and only such a one")
        if len(set(self.features)) != len(self.features):
            raise ValueError("a feature stands twice")
        if self.trees.width > len(self.features):
            raise ValueError(f"a tree looks at feature {self.trees.width - 1}, and there are {len(self.features)}")
        if (self.calibration is not None) != (self.kind == "impostor"):
            raise ValueError("an impostor model has a calibration, and only that")
        if (self.percentiles is not None) != (self.kind == "novelty"):
            raise ValueError("a novelty model has percentiles, and only that")
        if len(self.typical) not in (0, len(self.features)):
            raise ValueError("there is a typical value for each feature, or for none")
        if self.reference is not msgspec.UNSET and len(self.reference.features) != len(self.features):
            raise ValueError("the reference has bins for each feature")
        # A depth below zero would give a score that no table has, or none at all.
        lowest = min(self.trees.baseline, *(min(tree.value) for tree in self.trees.trees))
        if self.kind == "novelty" and lowest < 0:
            raise ValueError("the depths of a novelty model are not negative")

    @property
    def ends(self) -> date | None:
        """The first day on which it may not be used any more; ``None`` of the baseline."""
        return None if self.tenant is None else _later(self.first_day, LIFE_DAYS)


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model that may be used. ``predict`` gives the calibrated probability of an impostor (0 to 1), or the percentile
    of novelty (0 to 100); ``raw`` what that is made of: log-odds, or the isolation forest's score (Liu, Ting and Zhou
    2008; 0 to 1, higher is odder)."""

    kind: Kind
    version: str
    raw: Score
    predict: Score
    typical: tuple[float, ...] = ()
    reference: Reference | None = None  #: where there is none, drift is not told


class Abstains(msgspec.Struct, frozen=True):
    """There is no answer from a model, and ``reason`` says why, in words for an operator. ``version`` is the model's,
    where it is known."""

    reason: str
    version: str = ""


def digest_of(content: dict[str, Any]) -> str:
    """SHA-256 over canonical JSON: keys sorted, no blanks, numbers as Python writes. Raises :class:`ValueError` for
    figures that are no finite numbers."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def digest(file: ModelFile) -> str:
    """The :func:`digest_of` all fields but ``sha256``.

    It finds damage, and what was changed by hand; it is no seal, since who can write the file can write the hash.
    """
    content: dict[str, Any] = msgspec.to_builtins(file)
    del content["sha256"]
    return digest_of(content)


def encode(file: ModelFile) -> bytes:
    """The bytes of a file, with its hash. Raises :class:`ValueError` for figures that are no finite numbers."""
    return msgspec.json.encode(msgspec.structs.replace(file, sha256=digest(file)))


def decode(content: bytes) -> ModelFile | Abstains:
    """What stands in a file, when it is whole; which of the product's releases may use it is not looked at."""
    if len(content) > MAX_BYTES:
        return Abstains(f"the file is larger than {MAX_BYTES} bytes")
    try:
        if _Format.decode(content).format != FORMAT:
            return Abstains(f"the file is not of format {FORMAT}, but of another release of sentinel; train anew")
        file = _File.decode(content)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return Abstains(f"the file is damaged: {error}")
    if digest(file) != file.sha256:
        return Abstains("the file is not as it was written: its hash is another", file.version)
    return file


def last_resort(content: bytes, version: str) -> date:
    """The day (UTC) on which a tenant's file goes, however damaged it is or whichever release wrote it.

    When it does not say from which day on it learned, or is damaged and says one after its training, that is soon after
    its training, the day of its ``version``; at once where that is no day of the calendar.
    """
    try:
        trained = date.fromisoformat(version.removeprefix("baseline-")[:10])
    except ValueError:
        return date.min
    try:
        first_day = _Window.decode(content).first_day
    except (msgspec.DecodeError, ValueError, RecursionError):
        first_day = date.max
    if first_day > trained and isinstance(decode(content), Abstains):
        # One that is damaged may say any day: it must not stay for longer than a whole one.
        return _later(trained, DAMAGED_DAYS)
    return _later(first_day, LIFE_DAYS)


def _later(day: date, days: int) -> date:
    """A day so many days on, or the calendar's last."""
    return day + timedelta(min(days, (date.max - day).days))


def unfit(
    file: ModelFile, *, kind: Kind, tenant: str | None, features: Sequence[str], recipe: str, today: date
) -> str | None:
    """Why a model may not be used here and today (UTC), in words; ``None`` when it may. ``features`` are the names of
    the vector's values in their order, ``recipe`` the hash of the recipe in force."""
    if file.kind != kind:
        return f"it is a model of kind {file.kind}, not {kind}"
    if file.tenant != tenant:
        return "it was trained for another tenant"
    if file.features != tuple(features):
        odd = sorted(set(file.features) ^ set(features))
        what = f": {', '.join(odd[:5])}" if odd else " in their order"
        return f"its features are others than those of this release{what}; train anew"
    if file.recipe != recipe:
        return "it was made by another recipe than the one in force; train anew"
    if file.ends is not None and today >= file.ends:
        return f"it learned from days since {file.first_day}, more than {LIFE_DAYS} days ago; train anew"
    return None


def usable(file: ModelFile) -> Model:
    """The functions of a model, compiled; tenths of a second for a large one."""
    raw, predict = _functions(file)
    typical = tuple(nan if each is None else each for each in file.typical)
    reference = file.reference if file.reference is not msgspec.UNSET else None
    return Model(kind=file.kind, version=file.version, raw=raw, predict=predict, typical=typical, reference=reference)


def _functions(file: ModelFile) -> tuple[Score, Callable[[Sequence[float]], float]]:
    total = compile_trees(file.trees, len(file.features))
    if file.calibration is not None:
        calibration = file.calibration
        return total, lambda vector: calibration(sigmoid(total(vector)))
    assert file.percentiles is not None  # checked when it was made
    percentiles = file.percentiles

    def score(vector: Sequence[float]) -> float:
        # The leaves hold the depth as a share of what is expected, see `sentinel.training.convert`.
        return exp2(-total(vector))

    return score, lambda vector: percentiles(score(vector))


class _OnlyFormat(msgspec.Struct):
    format: int = FORMAT


class _OnlyWindow(msgspec.Struct):
    first_day: date


_Format: Final = msgspec.json.Decoder(_OnlyFormat)
_Window: Final = msgspec.json.Decoder(_OnlyWindow)
_File: Final = msgspec.json.Decoder(ModelFile)

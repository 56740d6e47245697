"""The published reference model of risk-based authentication, to measure against; nothing is decided by it.

Freeman, Jain, Dürmuth, Biggio, Giacinto: "Who Are You? A Statistical Approach to Measuring User Authenticity", NDSS
2016 (doi 10.14722/ndss.2016.23240), equation 7 without data on attackers; in the form, with the weights and the edge
cases that Wiefling et al. published the code of for "Pump Up Password Security!", ACM TOPS 26(1), 2022 (doi
10.1145/3546069, das-group/rba-algorithm), used also for "What's in Score for Website Users", FC 2021::

    S(FV) = Π_k p(FV_k) / p(FV_k | u, L)  ·  p(u | A) / p(u | L)

- ``p(u | A) = 1 / U``: all ``U`` accounts are attacked alike. ``p(u | L) = n_u / n``: logins of the account among all.
- ``p(FV_k) = Σ_i λ_i p(v_i)``: linear interpolation over the value ``v_0`` and its sub-features, :data:`FEATURES`. The
  conditional factor of each term is 1 here. In their code it is 1 for sub-features; for the finest level it is
  ``c / (c + 3)``, counted over all logins, later ones included, which a score that is given at once cannot know.
- Of everybody's logins the finest level is smoothed: ``c / (n + m)``, and ``1 / (n + m)`` for a value never seen, where
  ``m`` is 1 and the number of distinct values of each sub-feature. Sub-features are ``c / n``.
- Of the account's own logins nothing is smoothed. Where no level was ever seen, ``p(FV_k | u, L) = p(FV_k) / 4``: the
  edge case that they added, or two smoothed values would make a stranger look harmless.

It sees what they saw: address, network, country, agent, browser, system, kind of device. No device id, no round-trip
time, no hour. An IPv6 address is its /64, as everywhere in sentinel. A value that is not known is one like any other.
"""

from collections.abc import Sequence
from math import prod
from typing import Final

import msgspec

from sentinel.events.sighting import Sighting
from sentinel.store.sqlite.spill import Spill

Value = str | int | None
#: Values of each feature, of each level: from the value itself to its coarsest sub-feature.
Values = tuple[tuple[Value, ...], ...]

#: Weights λ of each feature's levels, finest first (Wiefling et al. 2022, as published with their data set).
ADDRESS: Final = (0.6, 0.3, 0.1)  #: address, ASN, country
AGENT: Final = (0.5387, 0.2680, 0.1882, 0.0051)  #: agent string, browser and version, system and version, device type
FEATURES: Final = (ADDRESS, AGENT)

#: What an account never had counts as a quarter of how common it is for everybody.
NEVER_HAD: Final = 4

#: Accounts whose counts are kept in memory, 3 kB each; the others lie in a temporary file.
ACCOUNTS: Final = 20_000


def values_of(sighting: Sighting) -> Values:
    """What the reference sees of an event, in the order of :data:`FEATURES`."""
    device = sighting.device
    return (
        (sighting.address, sighting.network.asn, sighting.place.country),
        (
            sighting.agent,
            _joined(device.browser, device.browser_version),
            _joined(device.os, device.os_version),
            device.type,
        ),
    )


class Reference:
    """Counts of everybody in memory (some 150 bytes a distinct value), one login at a time. Judge first, then learn.

    ``weights`` are those of :data:`FEATURES`, or others for tests: for each feature one per level, finest first.
    """

    def __init__(self, weights: Sequence[Sequence[float]] = FEATURES, *, accounts: int = ACCOUNTS) -> None:
        self._weights = weights
        self._all = _counts(weights)
        self._known = 0
        self._own: Spill[str, _Counts] = Spill(accounts, _encode, _decode)

    def score(self, account: str, values: Values) -> float | None:
        """The risk of a login, from 0 without limit; ``None`` for an account that never logged in before."""
        own, everybody = self._own.get(account), self._all
        if own is None:
            return None
        ratios = []
        for number, (weights, levels) in enumerate(zip(self._weights, values, strict=True)):
            common = everybody.smoothed(number, weights, levels)
            usual = own.plain(number, weights, levels)
            ratios.append(common / (usual or common / NEVER_HAD))
        attacked = 1 / self._known
        logs_in = own.logins / everybody.logins
        return prod(ratios) * attacked / logs_in

    def learn(self, account: str, values: Values) -> None:
        """A login that succeeded."""
        self._all.add(values)
        own = self._own.get(account)
        if own is None:
            self._known += 1
            own = _counts(self._weights)
        own.add(values)
        self._own.put(account, own)

    def close(self) -> None:
        """Let the temporary file go."""
        self._own.close()


class _Counts(msgspec.Struct, array_like=True):
    """How often each value of each level was seen among ``logins``."""

    logins: int
    levels: list[list[dict[Value, int]]]

    def add(self, values: Values) -> None:
        self.logins += 1
        for counters, levels in zip(self.levels, values, strict=True):
            for counter, value in zip(counters, levels, strict=True):
                counter[value] = counter.get(value, 0) + 1

    def plain(self, feature: int, weights: Sequence[float], levels: tuple[Value, ...]) -> float:
        seen = zip(weights, self.levels[feature], levels, strict=True)
        return sum(weight * counter.get(value, 0) for weight, counter, value in seen) / self.logins

    def smoothed(self, feature: int, weights: Sequence[float], levels: tuple[Value, ...]) -> float:
        finest, *coarser = self.levels[feature]
        unseen = 1 + sum(map(len, coarser))
        found = weights[0] * max(finest.get(levels[0], 0), 1) / (self.logins + unseen)
        for weight, counter, value in zip(weights[1:], coarser, levels[1:], strict=True):
            found += weight * counter.get(value, 0) / self.logins
        return found


def _counts(weights: Sequence[Sequence[float]]) -> _Counts:
    return _Counts(0, [[{} for _ in feature] for feature in weights])


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Counts).decode


def _joined(name: str | None, version: str | None) -> str | None:
    return name and f"{name} {version or ''}"

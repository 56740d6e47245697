"""Kinds of network by the name of the organisation that announces it, and a table reviewed by hand over that.

A name says little: the rules only take words that mean one thing in nearly all names that hold them.
Carriers that run fixed lines and phones in one autonomous system stay unknown: a wrong ``mobile`` would
excuse a move that a fixed line cannot make. In :data:`RULES` the first rule that matches wins; an empty kind
is unknown.

No word and no row here is taken from the lists that only check us (``tests/enrich/test_network.py``):
they may
not be committed, and the check would measure itself.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

RULES: tuple[tuple[str, str], ...] = (
    (
        "vpn",
        r"\bvpn\b|nordvpn|surfshark|mullvad|cyberghost|expressvpn|tefincom|packethub|windscribe|ipvanish|"
        r"\bproton ag\b",
    ),
    (
        "business",
        r"universi|college|\bschools?\b|academ|hochschule|\bbank\b|\bbanco\b|insurance|hospital|\bclinic|"
        r"healthcare|\bministry\b|government|\b(county|city|state|department|board|bureau) of\b|municipal|"
        r"\bdod\b|\barmy\b|\bnavy\b|\bairlines?\b|automobile|pharma|foundation|\blibrary\b|"
        r"institute of tech|national laborator|space administration|space agency|aerospace",
    ),
    # dealers, broadcasters and cable networks
    (
        "",
        r"satellite.*(television|vision|\bcable|radio|centre|center|tracking|sales)|"
        r"(televi|cable|\btv\b).*satellite",
    ),
    (
        "satellite",
        r"\bsatellites?\b|\bsatcomm?\b|\bvsat\b|inmarsat|\biridium\b|oneweb|viasat|intelsat|eutelsat|skylogic|"
        r"\bhughes (network|communications|de)\b|\bmarlink\b|speedcast|globalstar|thuraya|kacific|avionics|"
        r"\btelesat\b|\bo3b\b|space exploration technologies",
    ),
    (
        "hosting",
        r"host(?!el|age|ess|al)|\bvps\b|\bvds\b|cloud(?!y)|data ?cent|datacamp|\bdedicated\b|\bdedi\b|"
        r"servers?\b|\bcolo\b|colocation|\bcolo[a-z]+ing\b|\brack|leaseweb|\bcdn\b|amazon|digitalocean|linode|\bovh|"
        r"hetzner|contabo|akamai|fastly|\bm247\b|choopa|vultr|ionos|godaddy|\bhivelocity\b|softlayer|\bwebspace|"
        r"\bwebsite|\bdomains?\b",
    ),
    (
        "mobile",
        r"\bmobiles?\b|\bmobil\b|\bcellular\b|\bcelular\b|\bgsm\b|\bm[oó]vil(es)?\b|radiomovil|telemovil|"
        r"movilnet|\blte\b",
    ),
    (
        "residential",
        r"broadband|breitband|bredband|\bcable\b|cablevision|\bcatv\b|\bfib(er|re|ra)\b|fibernet|\bfibra[a-z]*\b|"
        r"\bftth\b|\badsl\b|\bdsl\b|\bkabel|\bwireless\b|\bwisp\b|stadtwerke",
    ),
)


def kinds(names: Mapping[int, str], reviewed: Path) -> dict[str, list[int]]:
    """Kind -> ASNs, in ascending order; ASNs of no known kind are left out."""
    rules = [(kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in RULES]
    found: defaultdict[str, set[int]] = defaultdict(set)
    table = read_reviewed(reviewed)
    for asn, name in names.items():
        kind = table[asn] if asn in table else next((kind for kind, rule in rules if rule.search(name)), "")
        if kind:
            found[kind].add(asn)
    for asn, kind in table.items():
        # Also those not announced today: they come back.
        if kind:
            found[kind].add(asn)
    return {kind: sorted(found[kind]) for kind in sorted(found)}


def read_reviewed(path: Path) -> dict[int, str]:
    """The table: ASN -> kind; ``unknown`` (given as empty) takes away what a rule would say."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    table: dict[int, str] = {}
    for row in rows:
        asn = int(row["asn"])
        if asn in table:
            raise SystemExit(f"{path.name}: AS{asn} twice")
        table[asn] = "" if row["kind"] == "unknown" else row["kind"]
    return table

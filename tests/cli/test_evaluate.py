"""`sentinel evaluate` as it is typed."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.running import AWAY, Command, login
from tests.shared_data import shared

TIME = "2026-01-0{}T09:00:00Z"


def write(path: Path, *events: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def home(count: int = 4) -> list[dict[str, Any]]:
    return [login(f"e-{n}", TIME.format(n + 1), label="legitimate") for n in range(count)]


@pytest.fixture
def traffic(sentinel: Command, tmp_path: Path) -> Path:
    path = tmp_path / "traffic.ndjson"
    wish = ["--accounts", "12", "--days", "30", "--quiet-days", "10", "--seed", "2", "--intruders", "4"]
    done = sentinel("simulate", *wish, "--campaigns", "1", "--attackers", "all", "--out", path)
    assert done.returncode == 0, done.stderr
    return path


def test_simulated_traffic_as_table_json_and_plot(sentinel: Command, traffic: Path, tmp_path: Path) -> None:
    done = sentinel("evaluate", "--plot", tmp_path / "curves.svg", traffic)
    assert (done.returncode, done.stderr) == (0, "")
    for word in (
        "naive (",
        "stolen_session (4)",
        "reference",
        "TPR 0.999",
        "ROC-AUC",
        "mails",
        "One threshold for all",
    ):
        assert word in done.stdout
    assert ElementTree.parse(tmp_path / "curves.svg").getroot().tag.endswith("svg")
    data = traffic.read_bytes()
    report = json.loads(sentinel("evaluate", "--json", "-", input=data).stdout)
    assert report["events"] == len(data.splitlines())
    kinds = ("naive", "vpn", "targeted")
    assert sum(report["attackers"][kind] for kind in kinds) + report["strangers"] == 12
    assert report["scores"] == ["combined", "rules", "impostor", "likelihood", "novelty", "reference"]
    one = {each["score"]: each for each in report["one_for_all"]}
    assert one["combined"]["caught"]["naive"]["share"] > 0.7
    assert one["rules"]["people"]["share"] <= 0.003
    area = {(each["kind"], each["score"]): each["roc_auc"] for each in report["separation"]}
    assert area["naive", "rules"] > 0.95
    assert area["naive", "reference"] > 0.9
    caught = {(each["kind"], each["score"], each["risk"]): each["caught"] for each in report["caught"]}
    assert caught["naive", "combined", 60]["share"] > 0.7
    assert {"12", "39"} == report["prices"][0]["within"].keys()
    # The same file, the same bytes.
    assert sentinel("evaluate", traffic).stdout == done.stdout
    drawn = tmp_path / "curves.png"
    assert sentinel("evaluate", "--plot", drawn, traffic).returncode == 0
    assert drawn.read_bytes().startswith(b"\x89PNG")
    answered = json.loads(sentinel("evaluate", "--answered", "--json", traffic).stdout)
    assert answered["friction"]["challenged"]["number"] <= report["friction"]["challenged"]["number"]


def test_thresholds_of_the_configuration_count(sentinel: Command, write_config: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", *home(), login("x", TIME.format(5), label="legitimate", **AWAY))
    config = write_config("[decision]\nmode = 'observe'\nnotify = 10\nchallenge = 20\nblock = 95")
    report = json.loads(sentinel("evaluate", "--json", path, "--config", config).stdout)
    friction = report["friction"]
    # Observing decides nothing, but what would be challenged is told all the same.
    assert friction["thresholds"] == {"notify": 10, "challenge": 20, "block": 95}
    assert (friction["logins"], friction["challenged"]["number"]) == (5, 1)


def test_lines_without_a_label_are_refused_with_what_to_do(sentinel: Command, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", *home(2), login("x", TIME.format(5)))
    done = sentinel("evaluate", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "a.ndjson:3: label: missing" in done.stderr
    assert "sentinel simulate --attackers all" in done.stderr


def test_a_plot_that_cannot_be_written_is_told_before_the_work(sentinel: Command, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", *home())
    with path.open("a") as file:
        file.write("nonsense\n")  # would be told first, were the file read
    folder = tmp_path / "curves.svg"
    folder.mkdir()
    for name, why in (("no/curves.svg", "No such file or directory"), ("curves.svg", "is a directory")):
        done = sentinel("evaluate", "--plot", tmp_path / name, path)
        assert (done.returncode, done.stdout) == (2, "")
        assert why in done.stderr
        assert "not a JSON object" not in done.stderr
    # What is there stays until there is something better; what is not there is not made.
    old, new = tmp_path / "old.svg", tmp_path / "new.svg"
    old.write_text("former")
    for plot in (old, new):
        assert sentinel("evaluate", "--plot", plot, tmp_path / "missing").returncode == 2
    assert (old.read_text(), new.exists()) == ("former", False)


def test_bad_input_is_said_in_words(sentinel: Command, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", *home())
    with path.open("a") as file:
        file.write(
            'nonsense\n{"type": "feedback", "time": "2026-01-09T00:00:00Z", "event": "no", "verdict": "legitimate"}\n'
        )
    done = sentinel("evaluate", path)
    assert done.returncode == 1
    assert "a.ndjson:5: not a JSON object" in done.stderr
    assert "a.ndjson:6: event: no such event before this answer" in done.stderr
    assert "4 events judged" in done.stdout
    assert "No attacker got as far as a login" in done.stdout
    log = tmp_path / "auth.log"
    log.write_text("Jan  5 09:00:00 host sshd[1]: Failed password for root from 192.0.2.1 port 22 ssh2\n")
    for words, said in (
        (["--plot", "curves.jpeg", str(path)], "ends in .svg or .png"),
        (["--plot", str(tmp_path / "no" / "curves.svg"), str(path)], "cannot be written: No such file"),
        ([str(tmp_path / "missing")], "No such file"),
        (["--answered"], "is for files"),
        (["--without", "ip,rtt_ms", str(path)], "ip: cannot be left out; there are device_id, rtt_ms"),
        (["--hold-out", "1.5", str(path)], "a share between 0 and 1"),
        (["--hold-out", "soon", str(path)], "expected a date as 2026-03-01"),
        (["--earlier", "5-1", str(path)], "as 1-5 or 10-"),
        (["--earlier", "few", str(path)], "as 1-5 or 10-"),
        (["--from", "sshd", str(log)], "--year"),
        (["--from", "sshd", "--year", "2026", str(log)], "auth.log:1: label: missing"),
    ):
        refused = sentinel("evaluate", *words)
        assert refused.returncode == 2, words
        assert said in refused.stderr
        assert "Traceback" not in refused.stderr


def test_stored_history_has_its_answers_for_labels(sentinel: Command, tmp_path: Path) -> None:
    done = sentinel("evaluate")
    assert done.returncode == 1
    assert "there is no history yet" in done.stderr
    past = [login(f"e-{n}", TIME.format(n + 1)) for n in range(5)]
    stranger = login("x", TIME.format(6), **AWAY)
    said = {"type": "feedback", "time": TIME.format(7), "event": "x", "verdict": "compromised"}
    kind = {"type": "feedback", "time": TIME.format(7), "event": "e-4", "verdict": "legitimate"}
    last = login("y", TIME.format(8), account="u-2")
    done = sentinel("import", write(tmp_path / "a.ndjson", *past, stranger, said, kind, last))
    assert done.returncode == 0, done.stderr
    report = json.loads(sentinel("evaluate", "--attackers", "0", "--json").stdout)
    assert report["answers"] == {"legitimate": 1, "compromised": 1}
    assert (report["events"], report["attackers"]) == (7, {"attack": 1})
    assert (report["friction"]["logins"], report["friction"]["accounts"], report["compared"]) == (6, 2, 4)
    caught = {(each["score"], each["risk"]): each["caught"]["number"] for each in report["caught"]}
    assert caught["rules", 60] == 1
    text = sentinel("evaluate", "--attackers", "0").stdout
    assert "1 events as compromised (below: attack), 1 as legitimate" in text
    shown = sentinel("audit", "show", "--action", "history.evaluate", "--json")
    assert [each["tenant"] for each in json.loads(shown.stdout)] == ["default", "default"]
    # What comes while an account is restricted is kept for the person alone.
    assert sentinel("account", "restrict", "u-1", "--reason", "asked for it").returncode == 0
    more = write(tmp_path / "b.ndjson", login("z", TIME.format(9)), login("w", TIME.format(9), account="u-2"))
    assert sentinel("import", more).returncode == 0
    # Nothing of a restricted account is used, whenever it came.
    assert json.loads(sentinel("evaluate", "--attackers", "0", "--json").stdout)["events"] == 2
    assert sentinel("keys", "create", "other", "--tenant", "other", "--scope", "events").returncode == 0
    other = sentinel("evaluate", "--tenant", "other")
    assert (other.returncode, other.stdout) == (1, "")


def test_attackers_are_put_onto_stored_history_and_change_nothing(
    sentinel: Command, traffic: Path, tmp_path: Path
) -> None:
    kept = [json.loads(line) for line in traffic.read_text().splitlines()]
    people = [
        {name: value for name, value in each.items() if name not in ("label", "extra")}
        for each in kept
        if each["label"] == "legitimate"
    ]
    assert sentinel("import", write(tmp_path / "people.ndjson", *people)).returncode == 0
    database = sentinel.state / "sentinel.db"
    before = database.read_bytes()
    done = sentinel("evaluate", "--attackers", "8", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["attackers"].keys() == {"naive", "vpn", "targeted", "stolen_session", "informed"}
    assert all(6 <= number <= 8 for number in report["attackers"].values())
    assert report["sessions"] == ["stolen_session"]
    caught = {(each["kind"], each["score"], each["risk"]): each["caught"] for each in report["caught"]}
    assert caught["naive", "combined", 60]["share"] > 0.7
    assert sentinel("evaluate", "--attackers", "8", "--json").stdout == done.stdout
    quiet = json.loads(sentinel("evaluate", "--attackers", "0", "--json").stdout)
    assert quiet["friction"] == report["friction"]
    assert database.read_bytes() == before
    # Only the last third counts, and only some of the accounts.
    part = json.loads(sentinel("evaluate", "--attackers", "4", "--hold-out", "0.3", "--accounts", "2", "--json").stdout)
    assert 0 < part["friction"]["logins"] < 0.3 * report["friction"]["logins"]
    assert part["friction"]["accounts"] < report["friction"]["accounts"]
    assert part["attackers"]["naive"] <= 4


def test_what_counts_is_told_by_date_share_and_earlier_logins(sentinel: Command, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", *home(8))

    def logins(*words: str) -> int:
        done = sentinel("evaluate", "--json", path, *words)
        assert done.returncode == 0, done.stderr
        return int(json.loads(done.stdout)["friction"]["logins"])

    assert logins() == 8
    assert logins("--hold-out", "2026-01-03") == 6
    assert logins("--hold-out", "0.5") == 4
    assert logins("--earlier", "1-5") == 5
    assert logins("--earlier", "3-") == 5
    assert logins("--without", "device_id,rtt_ms,client,session_id") == 8


def test_the_public_data_set_is_read_as_it_is(sentinel: Command) -> None:
    path = shared("rba-dataset-2000", "rba_exact_rows_0_18.csv")
    done = sentinel("evaluate", "--from", "rba", "--json", path)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["events"] == 19
    assert report["friction"]["logins"] == 7
    assert report["failed"] == 2

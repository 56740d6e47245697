"""Measures the daemon as a sender meets it: events and assessments over HTTP, memory, bytes on disk.

`make bench`, or `python scripts/bench.py --quick` for a smoke run. Starts `sentinel run` of this tree on a
state directory of its own and a mail server that throws away; ends only what it started. Writes bench.json.
"""

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
#: `sentinel` of this tree, whether installed or not.
SENTINEL = [sys.executable, "-c", "from sentinel.cli.main import main; main()"]
#: Targets, on two cores shared with the load generator.
EVENTS_PER_S = 4000.0
ASSESSMENTS_PER_S = 1000.0
P99_MS_AT_16 = 25.0
JUDGING_US = 120.0
PRIVACY_US = 15.0
MODELS_US = 60.0
MODELS_US_ALONE = 300.0
MAIL_P95_S = 2.0
#: The pace that mails are measured at: events a second, and of how many one mails somebody.
MAIL_EVENTS_PER_S, MAIL_ONE_IN = 100, 5
#: Longest waits, in seconds: for the daemon to be ready, to stop, and for one phase of load.
READY, STOP, PHASE = 60.0, 60.0, 180.0

Figures = dict[str, Any]


class Discard:
    """Takes every mail, counts it, and knows when each recipient's came last."""

    def __init__(self) -> None:
        self.mails = 0
        self.came: dict[str, float] = {}

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:  # noqa: N802
        self.mails += 1
        self.came.update(dict.fromkeys(envelope.rcpt_tos, time.time()))
        return "250 OK"


def main() -> int:
    options = arguments()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="sentinel-bench-", dir=options.dir) as name:
        figures = measure(Path(name), options.quick, console)
    show(figures)
    options.out.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if not options.strict or all(each["met"] for each in figures["targets"].values()) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure sentinel on this machine.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the load: does it work at all")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="where the figures go as JSON")
    parser.add_argument(
        "--dir",
        type=Path,
        help="folder for the state (default: the system's for temporary files); choose the disk",
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is missed")
    return parser.parse_args()


def measure(folder: Path, quick: bool, console: Console) -> Figures:
    """One run: the figures of each phase, in the order of measuring."""
    share = 0.1 if quick else 1.0
    discard = Discard()
    mail = Controller(discard, hostname="127.0.0.1", port=free_port())
    mail.start()
    figures: Figures = {"machine": machine(folder), "quick": quick}
    console.print("judging in memory …")
    figures["judging"] = alone("bench_judge.py", int(40_000 * share), int(5000 * share))
    console.print("sealing and pseudonyms …")
    figures["privacy"] = alone("bench_privacy.py", int(20_000 * share), int(3000 * share))
    console.print("models …")
    figures["models"] = alone("bench_models.py", int(2560 * share), 9)
    try:
        config, port = configure(folder, mail.port)
        with daemon(config, port, folder / "daemon.log") as process:
            key = create_key(config, "events", "assess")
            before = size(folder / "state")
            common = {"port": port, "key": key, "accounts": 5000, "limit": PHASE}
            posted = 0
            for form, events, posters in (("array", 60_000, 3), ("ndjson", 20_000, 3)):
                count = int(events * share)
                console.print(f"posting {count} events as {form} …")
                work = {"phase": "batches", "form": form, "events": count, "posters": posters, "batch": 500}
                cpu = cpu_seconds(process.pid)
                figures[form] = load({**common, **work, "seed": form, "minutes": 60})
                figures[form]["daemon_cpu_ms_per_event"] = round((cpu_seconds(process.pid) - cpu) / count * 1000, 3)
                posted += count
            for clients, requests in ((1, 3000), (16, 6000), (64, 6000)):
                count = int(requests * share)
                console.print(f"{count} assessments from {clients} clients …")
                work = {"phase": "inline", "clients": clients, "events": count}
                cpu = cpu_seconds(process.pid)
                figures[f"inline_{clients}"] = load({**common, **work, "seed": f"inline-{clients}", "minutes": 1})
                used = cpu_seconds(process.pid) - cpu
                figures[f"inline_{clients}"]["daemon_cpu_ms_per_event"] = round(used / count * 1000, 3)
                posted += count
            count = int(3000 * share)
            console.print(f"{count} events at {MAIL_EVENTS_PER_S} a second, one in {MAIL_ONE_IN} mails somebody …")
            figures["mailing"] = mailing(port, key, count, discard)
            posted += count
            figures["peak_rss_mib"] = round(peak_rss(process.pid) / 1024, 1)
        # Counted after the stop, when the write-ahead log has gone into the store.
        grown = size(folder / "state") - before
        figures["disk"] = {"events": posted, "bytes": grown, "bytes_per_event": round(grown / posted, 1)}
        figures["mails"] = discard.mails
    finally:
        mail.stop()
    figures["targets"] = targets(figures)
    return figures


def mailing(port: int, key: str, events: int, discard: Discard) -> Figures:
    """From the post to the mail server's answer: each of the mails that the events cause."""
    job = {"port": port, "key": key, "events": events, "per_s": MAIL_EVENTS_PER_S, "one_in": MAIL_ONE_IN}
    script = [sys.executable, str(ROOT / "scripts" / "bench_mails.py")]
    done = subprocess.run(
        script, input=json.dumps(job), capture_output=True, text=True, check=False, timeout=events + PHASE
    )
    if done.returncode != 0:
        raise SystemExit(f"bench_mails.py failed: {done.stderr[-2000:]}")
    posted = {f"m{number}@example.org": at for number, at in json.loads(done.stdout).items()}
    give_up = time.monotonic() + PHASE
    while missing := posted.keys() - discard.came.keys():
        if time.monotonic() > give_up:
            raise SystemExit(f"{len(missing)} of {len(posted)} mails did not come within {PHASE:.0f} s")
        time.sleep(0.1)
    took = sorted(discard.came[who] - at for who, at in posted.items())
    at = {name: took[int(part * (len(took) - 1))] for name, part in (("p50_s", 0.5), ("p95_s", 0.95), ("p99_s", 0.99))}
    return {"events": events, "mails": len(took), **{name: round(value, 3) for name, value in at.items()}}


def targets(figures: Figures) -> Figures:
    """What was aimed at, what came out, and whether that is enough."""
    best = max(figures[f"inline_{clients}"]["per_s"] for clients in (16, 64))
    events, p99 = figures["array"]["scored_per_s"], figures["inline_16"]["p99_ms"]
    spent, private = figures["judging"]["us_per_event"], figures["privacy"]["us_per_event"]
    batched, lone = figures["models"]["us_in_batches"], figures["models"]["us_alone"]
    return {
        "events_per_s": {"target": EVENTS_PER_S, "got": events, "met": events >= EVENTS_PER_S},
        "assessments_per_s": {"target": ASSESSMENTS_PER_S, "got": best, "met": best >= ASSESSMENTS_PER_S},
        "judging_us": {"target": JUDGING_US, "got": spent, "met": spent <= JUDGING_US},
        "privacy_us": {"target": PRIVACY_US, "got": private, "met": private < PRIVACY_US},
        "models_us_in_batches": {"target": MODELS_US, "got": batched, "met": batched < MODELS_US},
        "models_us_alone": {"target": MODELS_US_ALONE, "got": lone, "met": lone < MODELS_US_ALONE},
        "mail_p95_s": {
            "target": MAIL_P95_S,
            "got": figures["mailing"]["p95_s"],
            "met": figures["mailing"]["p95_s"] < MAIL_P95_S,
        },
        "p99_ms_at_16": {"target": P99_MS_AT_16, "got": p99, "met": p99 < P99_MS_AT_16},
    }


def configure(folder: Path, mail_port: int) -> tuple[Path, int]:
    """Writes the daemon's configuration; its path and the port."""
    port = free_port()
    config = folder / "sentinel.toml"
    config.write_text(
        f'state = "{folder / "state"}"\nlisten = "127.0.0.1:{port}"\n'
        f'[smtp]\nhost = "127.0.0.1"\nport = {mail_port}\ntls = "none"\nfrom = "Bench <bench@example.org>"\n'
    )
    return config, port


@contextmanager
def daemon(config: Path, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`sentinel run`, ready to take events; stopped at the end, killed when it does not stop in time."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*SENTINEL, "--config", str(config), "run"],
            cwd=ROOT,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        wait_ready(process, port)
        yield process
    except BaseException:
        print(f"the daemon's last lines:\n{log.read_text(errors='replace')[-3000:]}", file=sys.stderr)
        raise
    finally:
        process.terminate()
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            print(f"the daemon did not stop within {STOP:.0f} s and was killed", file=sys.stderr)


def wait_ready(process: subprocess.Popen[bytes], port: int) -> None:
    give_up = time.monotonic() + READY
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise SystemExit(f"the daemon ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise SystemExit(f"the daemon was not ready after {READY:.0f} s")


def create_key(config: Path, *scopes: str) -> str:
    command = [*SENTINEL, "--config", str(config), "keys", "create", "bench"]
    command += [word for scope in scopes for word in ("--scope", scope)] + ["--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise SystemExit(f"keys create failed with {done.returncode}: {done.stderr[-2000:]}")
    return str(json.loads(done.stdout)["key"])


def alone(script_name: str, events: int, accounts: int) -> Figures:
    """What one part costs by itself, in a process of its own."""
    script = [sys.executable, str(ROOT / "scripts" / script_name), str(events), str(accounts)]
    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=PHASE)
    if done.returncode != 0:
        raise SystemExit(f"{script_name} failed: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def load(job: Figures) -> Figures:
    """One phase in a process of its own."""
    script = [sys.executable, str(ROOT / "scripts" / "bench_load.py")]
    done = subprocess.run(
        script, input=json.dumps(job), capture_output=True, text=True, check=False, timeout=job["limit"] + 60
    )
    if done.returncode != 0:
        raise SystemExit(f"the load generator failed: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def machine(folder: Path) -> Figures:
    """What the figures depend on; durable writes are paced by the disk's fsync."""
    times = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(100):
            file.write(bytes(4096))
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begun)
    (folder / "fsync").unlink()
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "fsync_ms": round(1000 * median(times), 3),
    }


def size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def family(pid: int) -> list[int]:
    """The daemon and its processes: edges and courier."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def peak_rss(pid: int) -> int:
    """Highest resident memory of the daemon and its processes in KiB, shared pages counted for each."""
    total = 0
    for each in family(pid):
        lines = Path(f"/proc/{each}/status").read_text().splitlines()
        total += int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
    return total


def cpu_seconds(pid: int) -> float:
    """Processor time that the daemon and its processes have used, all threads."""
    ticks = 0
    for each in family(pid):
        user, system = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[11:13]
        ticks += int(user) + int(system)
    return ticks / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def show(figures: Figures) -> None:
    """The figures as a table on standard output."""
    of = figures["machine"]
    table = Table(title=f"sentinel on {of['cpus']} cores shared with the load, fsync {of['fsync_ms']} ms")
    for column, justify in (("", "left"), ("a second", "right"), ("p50 ms", "right"), ("p99 ms", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    table.add_column("CPU ms each", justify="right")
    table.add_column("target")
    met = {name: "[green]met[/]" if each["met"] else "[red]missed[/]" for name, each in figures["targets"].items()}
    for form, target in (("array", f"{EVENTS_PER_S:,.0f} scored {met['events_per_s']}"), ("ndjson", "")):
        row = figures[form]
        label = f"{row['events']:,} events as {form}, batches of 500"
        rate = f"{row['scored_per_s']:,.0f} scored\n{row['durable_per_s']:,.0f} durable"
        times = (f"{row['p50_ms']}", f"{row['p99_ms']}", f"{row['daemon_cpu_ms_per_event']}")
        table.add_row(label, rate, *times, target)
    goals = {
        16: f"p99 < {P99_MS_AT_16:.0f} ms {met['p99_ms_at_16']}",
        64: f"best of both {ASSESSMENTS_PER_S:,.0f} {met['assessments_per_s']}",
    }
    for clients in (1, 16, 64):
        row = figures[f"inline_{clients}"]
        times = (f"{row['p50_ms']}", f"{row['p99_ms']}", f"{row['daemon_cpu_ms_per_event']}")
        table.add_row(f"assessments, {clients} at once", f"{row['per_s']:,.0f}", *times, goals.get(clients, ""))
    console = Console()
    console.print(table)
    judged = figures["judging"]
    console.print(
        f"judging alone, {judged['rules']} rules: {judged['us_per_event']} µs an event "
        f"(at most {JUDGING_US:.0f}: {met['judging_us']})"
    )
    console.print(
        f"sealing and pseudonyms: {figures['privacy']['us_per_event']} µs an event "
        f"(under {PRIVACY_US:.0f}: {met['privacy_us']})"
    )
    console.print(
        f"models, all three: {figures['models']['us_in_batches']} µs a login in batches of 256 (under {MODELS_US:.0f}: "
        f"{met['models_us_in_batches']}), {figures['models']['us_alone']} µs alone (under {MODELS_US_ALONE:.0f}: "
        f"{met['models_us_alone']}); asked about {figures['models']['asked_share']:.1%} of logins"
    )
    mails = figures["mailing"]
    console.print(
        f"from the post to the mail accepted, {MAIL_EVENTS_PER_S} events a second of which {mails['mails']:,} mail "
        f"somebody: p50 {mails['p50_s']} s, p95 {mails['p95_s']} s (under {MAIL_P95_S:g}: {met['mail_p95_s']})"
    )
    disk = figures["disk"]
    console.print(
        f"peak memory {figures['peak_rss_mib']:,} MiB, {disk['bytes_per_event']:,} bytes on disk an event "
        f"({disk['events']:,} events), {figures['mails']:,} mails sent"
    )


if __name__ == "__main__":
    sys.exit(main())

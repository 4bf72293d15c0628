"""How fast the console's store takes alerts in, and how long its pages take when it is full.

    python bench/console_store.py --alerts 1000000 --assets 10000 --behaviours 100000

Prints documents per second, and for each page query the median and 95th percentile in milliseconds, of
the clock and of the processor: on a shared machine the first counts what others do, too.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from console.store import open_store
from console.store.filters import AlertFilter, AssetFilter, BehaviourFilter, PageRequest
from console.store.interface import Store
from console.store.records import Envelope
from console.store.times import DAY, HOUR, SECOND, now, to_text

LEVELS = ("informational", "low", "medium", "high", "critical")
SEVERITY = (2, 21, 47, 73, 99)
WEIGHTS = (40, 30, 20, 8, 2)
PROTOCOLS = ("modbus", "s7comm", "enip", "dnp3", "iec104", "opcua", "bacnet", "profinet")
OPERATIONS = ("read", "write", "operate", "stop", "start", "program_download", "browse", "diagnose")


class Plant:
    """Made-up documents: `zones` zones, 60 rules, addresses that repeat as those of a plant do."""

    def __init__(self, assets: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.assets = assets
        self.begin = now() - 30 * DAY

    def ip(self, index: int) -> str:
        """The address of an asset."""
        return f"10.{index >> 16 & 255}.{index >> 8 & 255}.{index & 255}"

    def asset(self, index: int) -> dict[str, Any]:
        """An asset document."""
        seen = to_text(self.begin + self.random.randrange(30 * DAY))
        return {
            "asset": {
                "id": f"a-{index:08x}",
                "ip": [self.ip(index)],
                "name": f"PLC_{index}",
                "vendor": self.random.choice(("Siemens AG", "Rockwell", "Schneider Electric", "ABB")),
                "role": self.random.choice(("plc", "hmi", "rtu", "ied", "workstation")),
                "zone": f"zone-{index % 40}",
                "purdue_level": index % 4,
                "criticality": self.random.choice((0.5, 1.0, 1.0, 1.0, 1.5, 2.0)),
                "protocols": [PROTOCOLS[index % 8]],
                "first_seen": seen,
                "last_seen": seen,
            },
            "evidence": {"vendor": {"protocol": PROTOCOLS[index % 8], "capture": "live", "frame": index + 1}},
        }

    def behaviour(self, index: int) -> dict[str, Any]:
        """A behaviour document."""
        seen = to_text(self.begin + self.random.randrange(30 * DAY))
        source, destination = self.random.randrange(self.assets), self.random.randrange(self.assets)
        return {
            "behaviour": {
                "id": f"b-{index:08x}",
                "count": index % 1000 + 1,
                "first_seen": seen,
                "last_seen": seen,
            },
            "source": {"ip": self.ip(source)},
            "destination": {"ip": self.ip(destination), "port": 502},
            "network": {"protocol": PROTOCOLS[destination % 8], "transport": "tcp"},
            "ics": {
                "operation": OPERATIONS[index % 8],
                "kind": "request",
                "object": f"register {index % 500}",
            },
            "evidence": {"capture": "live", "frames": [index + 1]},
        }

    def alert(self, index: int, total: int) -> dict[str, Any]:
        """An alert document; times rise with the index, as they do when sensors deliver."""
        rng = self.random
        level = rng.choices(range(5), WEIGHTS)[0]
        seen = self.begin + index * (30 * DAY // total) + rng.randrange(SECOND)
        source, destination = rng.randrange(200), min(int(rng.expovariate(8 / self.assets)), self.assets - 1)
        rule = rng.randrange(60)
        protocol, operation = PROTOCOLS[destination % 8], OPERATIONS[rule % 8]
        return {
            "@timestamp": to_text(seen),
            "event": {
                "id": f"{index:08x}-{rng.getrandbits(64):016x}",
                "kind": "alert",
                "start": to_text(seen),
                "end": to_text(seen + rng.randrange(HOUR)),
                "count": rng.randrange(1, 500),
                "severity": SEVERITY[level],
                "action": operation,
            },
            "rule": {
                "id": f"00000000-0000-4000-8000-{rule:012d}",
                "name": f"rule-{rule}",
                "title": f"Rule {rule} saw an unusual {operation}",
                "title_zh": f"规则 {rule} 发现异常操作",
                "level": LEVELS[level],
            },
            "threat": {
                "technique": {"id": [f"T08{rule:02d}"], "name": ["Modify Parameter"]},
                "tactic": {"name": ["impair-process-control"]},
            },
            "source": {
                "ip": self.ip(source),
                "port": 49152,
                "role": "workstation",
                "zone": f"zone-{source % 40}",
            },
            "destination": {
                "ip": self.ip(destination),
                "port": 502,
                "role": "plc",
                "name": f"PLC_{destination}",
                "zone": f"zone-{destination % 40}",
            },
            "network": {"protocol": protocol, "transport": "tcp"},
            "ics": {"operation": operation, "kind": "request", "object": f"holding_register {index % 500}"},
            "evidence": {"capture": "live", "frames": [index + 1]},
            "observer": {"name": "bench"},
            "message": f"{self.ip(source)} sent {operation} to {self.ip(destination)} ({protocol})",
            "message_zh": f"{self.ip(source)} 对 {self.ip(destination)} 执行 {operation}",
        }


def fill(store: Store, kind: str, make: Callable[[int], dict[str, Any]], count: int, batch: int) -> str:
    """Ingest `count` documents; returns documents per second of the store's own time, and of CPU time."""
    spent = worked = 0.0
    for start in range(0, count, batch):
        documents = [
            Envelope(kind, make(index))  # type: ignore[arg-type]
            for index in range(start, min(start + batch, count))
        ]
        began, busy = time.perf_counter(), time.process_time()
        store.ingest("bench", f"{kind}-{start}", documents)
        spent += time.perf_counter() - began
        worked += time.process_time() - busy
    return (
        f"{kind:12}{count / spent:8.0f}/s{count / worked:8.0f} per CPU second" if count else f"{kind:12}none"
    )


def close_some(store: Store, share: float) -> None:
    """Mute rules until about `share` of the alerts are closed."""
    from console.store.records import Scope

    rules = store.rules()
    for rule in rules[: round(len(rules) * share)]:
        store.allow("mute", Scope(rule=rule.id), "bench", None, "bench")


def queries(plant: Plant) -> Iterator[tuple[str, Callable[[Store], object]]]:
    """What pages ask for."""
    rng = plant.random
    page = PageRequest()
    opened = ("new", "active")

    def alerts(name: str, query: Callable[[], AlertFilter], request: PageRequest = page) -> Any:
        return name, lambda store: store.alerts(query(), request)

    yield alerts("alerts: all", AlertFilter)
    yield alerts("alerts: open", lambda: AlertFilter(statuses=opened))
    yield alerts(
        "alerts: open by severity", lambda: AlertFilter(statuses=opened), PageRequest(sort="severity")
    )
    yield alerts("alerts: page 100", AlertFilter, PageRequest(offset=5000))
    yield alerts("alerts: critical", lambda: AlertFilter(levels=("critical",)))
    yield alerts("alerts: protocol", lambda: AlertFilter(protocols=(rng.choice(PROTOCOLS),)))
    yield alerts(
        "alerts: protocol, operation, open",
        lambda: AlertFilter(
            protocols=(rng.choice(PROTOCOLS),), operations=(rng.choice(OPERATIONS),), statuses=opened
        ),
    )
    yield alerts(
        "alerts: zone by severity",
        lambda: AlertFilter(zones=(f"zone-{rng.randrange(40)}",)),
        PageRequest(sort="severity"),
    )
    yield alerts("alerts: address", lambda: AlertFilter(address=plant.ip(rng.randrange(plant.assets))))
    yield alerts("alerts: asset", lambda: AlertFilter(asset=f"a-{rng.randrange(plant.assets):08x}"))
    yield alerts("alerts: technique", lambda: AlertFilter(techniques=(f"T08{rng.randrange(60):02d}",)))
    yield alerts("alerts: rule", lambda: AlertFilter(rules=(f"rule-{rng.randrange(60)}",)))
    yield alerts("alerts: text, rare", lambda: AlertFilter(text=f"PLC_{rng.randrange(plant.assets)}"))
    yield alerts("alerts: text, common", lambda: AlertFilter(text="unusual 异常"))
    yield alerts(
        "alerts: one day, high",
        lambda: AlertFilter(levels=("high",), since=plant.begin + 10 * DAY, until=plant.begin + 11 * DAY),
    )
    yield "tally: level", lambda store: store.tally_alerts(AlertFilter(statuses=opened), "level")
    yield "tally: rule", lambda store: store.tally_alerts(AlertFilter(), "rule")
    yield (
        "tally: zone of a protocol",
        lambda store: store.tally_alerts(AlertFilter(protocols=("modbus",)), "zone"),
    )
    yield (
        "timeline: 30 days",
        lambda store: store.alert_timeline(AlertFilter(), plant.begin, plant.begin + 30 * DAY),
    )
    yield (
        "timeline: a day of a protocol",
        lambda store: store.alert_timeline(
            AlertFilter(protocols=("modbus",)), plant.begin + 10 * DAY, plant.begin + 11 * DAY
        ),
    )
    yield "rules", lambda store: store.rules()
    yield "assets: by zone", lambda store: store.assets(AssetFilter(), PageRequest(sort="zone"))
    yield "assets: text", lambda store: store.assets(AssetFilter(text="siemens 42"), page)
    yield "behaviours: all", lambda store: store.behaviours(BehaviourFilter(), page)
    yield (
        "behaviours: asset",
        lambda store: store.behaviours(BehaviourFilter(asset=f"a-{rng.randrange(plant.assets):08x}"), page),
    )
    yield "behaviours: text", lambda store: store.behaviours(BehaviourFilter(text="register 77"), page)
    yield "flows: 500", lambda store: store.flows(BehaviourFilter(), 500)
    yield "zones", lambda store: store.zones()


def measure(store: Store, plant: Plant, rounds: int) -> None:
    """Run every query `rounds` times and print what it took."""
    for name, run in queries(plant):
        clock, busy = [], []
        for _ in range(rounds):
            began, worked = time.perf_counter(), time.process_time()
            run(store)
            clock.append((time.perf_counter() - began) * 1000)
            busy.append((time.process_time() - worked) * 1000)
        print(f"{name:36} clock {quantiles(clock)}   processor {quantiles(busy)}")


def quantiles(times: list[float]) -> str:
    """The median and the 95th percentile."""
    times = sorted(times)
    return f"median {times[len(times) // 2]:7.1f} p95 {times[int(len(times) * 0.95)]:7.1f} ms"


def main() -> None:
    """Fill a store and measure it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--behaviours", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--muted", type=float, default=0.3, help="share of the rules that are muted")
    parser.add_argument("--store", type=Path, help="keep the store here; measured as it is if it exists")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.store or Path(folder) / "bench.db"
        fresh = not path.exists()
        store = open_store(path)
        plant = Plant(options.assets, seed=1)
        if fresh:
            print(fill(store, "asset", plant.asset, options.assets, options.batch))
            print(fill(store, "behaviour", plant.behaviour, options.behaviours, options.batch))
            total = options.alerts
            print(fill(store, "alert", lambda index: plant.alert(index, total), total, options.batch))
            began = time.perf_counter()
            close_some(store, options.muted)
            print(f"muting took {time.perf_counter() - began:.1f} s")
        print(f"{path.stat().st_size / 1e6:.0f} MB, {store.counts()}")
        measure(store, plant, options.rounds)
        began = time.perf_counter()
        items = len(store.open_items())
        print(f"open items: {items} in {time.perf_counter() - began:.2f} s")
        store.close()


if __name__ == "__main__":
    main()

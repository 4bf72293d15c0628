"""Two live sensors of the water works: a day of health, a configuration, one current and one refusing."""

from __future__ import annotations

import math

from console.fleet.configuration import DesiredConfigurations
from console.store.interface import Store
from console.store.records import ConfigurationContent, Envelope
from console.store.times import MINUTE, SECOND, to_text

INTAKE, DOSING = "intake-live", "dosing-live"
SITE_FILE = "site: waterworks\nzones:\n  - name: control\n    networks: [10.20.1.0/24]\n    purdue_level: 1\n"


def connect(store: Store, now: int) -> dict[str, str]:
    """Enrol both, let them tell of the last day; their tokens by name."""
    tokens = {name: store.add_sensor(name, "waterworks", "admin") for name in (INTAKE, DOSING)}
    first = store.put_configuration("", ConfigurationContent({"site": SITE_FILE}), "first", "admin", None)
    store.put_configuration(
        "", ConfigurationContent({"site": SITE_FILE + "\n"}), "a blank line", "admin", first.version
    )
    wanted = DesiredConfigurations(store).of("waterworks")
    assert wanted is not None
    for name in (INTAKE, DOSING):
        begin = now - 24 * 60 * MINUTE
        documents = [_health(name, begin + step * 10 * MINUTE, step) for step in range(144)]
        store.ingest(name, "boot.1", documents)
    store.heartbeat(INTAKE, _state({"version": wanted.version, "digest": wanted.digest}))
    refused = {
        "version": wanted.version,
        "digest": wanted.digest,
        "reason": "rules/plant/no-writes.yaml:12:3: unknown field 'ics.objekt'",
    }
    store.heartbeat(DOSING, _state({"version": first.version, "digest": "sha256:old"}) | {"refused": refused})
    return tokens


def _state(configuration: dict[str, object]) -> dict[str, object]:
    return {
        "version": "0.1.0",
        "configuration": configuration,
        "spool": {"documents": 12, "alerts": 0, "bytes": 40960, "oldest_s": 3.2},
    }


def _health(name: str, time: int, step: int) -> Envelope:
    rate = 900 + 300 * math.sin(step / 20) + (step % 7) * 9
    troubled = name == DOSING
    body = {
        "@timestamp": to_text(time),
        "observer": {"name": name, "version": "0.1.0"},
        "health": {
            "boot": "1k9fz3q0a7c2",
            "uptime_s": 3600.5 + step * 600,
            "interval_s": 15.0,
            "packets": 540_000 * (step + 1),
            "bytes": 90_000_000 * (step + 1),
            "packets_per_s": rate,
            "bytes_per_s": rate * 120,
            "drops": {"ring": max(0, step - 120) * 4000 if troubled else 0, "queue": 0, "interface": 0},
            "understood": 0.93 if troubled else 0.999,
            "protocols": {
                "modbus": {"messages": 80_000 + step, "understood": 0.999},
                "s7comm": {"messages": 21_000 + step, "understood": 0.86},
            },
            "malformed": 3,
            "faults": 0,
            "spool": {
                "documents": 400 if 60 < step < 70 else step % 5,
                "alerts": 0,
                "bytes": 40960,
                "oldest_s": 3.2,
            },
            "uplink": {"state": "ok"},
            "lag_s": 0.3 + (step % 9) / 20,
            "cpu_s": 12.3,
            "cpu_share": 0.03 + (step % 11) / 300,
            "memory_bytes": 150_000_000 + step * 10_000,
            "open_files": 21,
            "clock_offset_s": 9.5 if troubled else -0.02,
            "clock_synchronised": not troubled,
            "interfaces": [
                {
                    "name": "eth1",
                    "state": "up",
                    "packets": 540_000 * step,
                    "bytes": 90_000_000 * step,
                    "drops": 0,
                },
                {
                    "name": "eth2",
                    "state": "gone" if troubled else "up",
                    "packets": 3,
                    "bytes": 200,
                    "drops": 0,
                },
            ],
            "configuration": {"version": 1, "digest": "sha256:0"},
            "rules_digest": "sha256:" + "5e" * 32,
            "rules": 120,
            "baseline": {"completeness": 0.4 if troubled else 1.0},
            "learning": {"until": to_text(time + 60 * MINUTE * SECOND), "share": 0.4} if troubled else {},
            "evidence": {"bytes": 81_000_000, "not_held": 0},
            "versions": {"fieldwatch": "0.1.0", "python": "3.11.9", "kernel": "Linux 6.1.0-28-amd64"},
            "conditions": ["clock-skew", "interface-down"] if troubled else [],
        },
    }
    return Envelope("health", body)

"""The folder that `analyze --out` writes: each file whole, or not there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from console.commands.output import fail, whole_file
from rules.analysis import Analysis
from rules.incidents.incident import Incidents, incidents_of


def alerts_of(analysis: Analysis) -> list[dict[str, Any]]:
    """The alerts in the order in which they began."""
    return sorted(analysis.alerts.values(), key=lambda item: (item["@timestamp"], item["event"]["id"]))


def incidents_in(analysis: Analysis) -> Incidents:
    """The incidents among the alerts, the worst first; addresses of one asset are one machine."""
    assets = {
        address: document["asset"]["id"]
        for document in analysis.assets()
        for address in (*document["asset"].get("ip", ()), *document["asset"].get("mac", ()))
    }
    return incidents_of(alerts_of(analysis), assets)


def write_files(analysis: Analysis, summary: dict[str, Any], incidents: Incidents, folder: Path) -> None:
    """Write alerts, incidents, assets and behaviours as JSON Lines, and summary.json last: it means
    "complete"."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "summary.json").unlink(missing_ok=True)
    except OSError as error:
        fail(f"--out: {folder}: {error.strerror}", 1)
    _write_lines(folder / "alerts.jsonl", alerts_of(analysis))
    _write_lines(folder / "incidents.jsonl", incidents.documents)
    _write_lines(folder / "assets.jsonl", analysis.assets())
    _write_lines(folder / "behaviours.jsonl", analysis.behaviours())
    with whole_file(folder / "summary.json", "w") as target:
        json.dump(summary, target, ensure_ascii=False, indent=2)
        target.write("\n")


def _write_lines(path: Path, documents: Iterable[dict[str, Any]]) -> None:
    with whole_file(path, "w") as target:
        for document in documents:
            target.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
            target.write("\n")

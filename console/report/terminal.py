"""The page a person reads after `analyze`: machines, alerts, how bad it is, and what was not understood."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from console.report.files import alerts_of
from rules.analysis import LEVELS, Analysis
from rules.baseline.words import withheld_text
from rules.incidents.incident import Incidents
from sensor.protocols.registry import PROTOCOLS
from sensor.times import parse_time

STYLES = {
    "critical": "bold red",
    "high": "red",
    "medium": "dark_orange",
    "low": "yellow",
    "informational": "blue",
}
MOST_ASSETS = 40
MOST_ALERTS = 30
MOST_INCIDENTS = 5
MOST_STEPS = 8
_OT = {protocol.name for protocol in PROTOCOLS.values() if protocol.ot}


def print_report(
    analysis: Analysis,
    summary: dict[str, Any],
    incidents: Incidents,
    written: list[str],
    lang: str,
    target: Any = None,
) -> None:
    """Print the report to standard output: tables on a terminal, the same as plain lines elsewhere."""
    stream = target or sys.stdout
    # Elsewhere than on a terminal nothing is cut to a width nobody has.
    console = Console(file=stream, highlight=False, width=None if stream.isatty() else 200)
    console.print(_headline(summary))
    _print_assets(console, sorted(analysis.assets(), key=_asset_order))
    alerts = [alert for alert in alerts_of(analysis) if "silenced" not in alert["event"]]
    _print_incidents(console, incidents, lang)
    _print_alerts(console, alerts, lang)
    console.print(_verdict(summary))
    for line in [*_quieted(summary), *_losses(summary)]:
        console.print(line)
    for held in analysis.stage.baseline.withheld.values():
        console.print(f"Not learned, because it is dangerous: {escape(withheld_text(held))}")
    if written:
        console.print(f"Written: {escape(', '.join(written))}")


def _headline(summary: dict[str, Any]) -> str:
    times = [
        parse_time(item[key]) for item in summary["captures"] for key in ("first", "last") if key in item
    ]
    seconds = (max(times) - min(times)) / 1e9 if times else 0.0
    names = ", ".join(item["path"] for item in summary["captures"])
    ot = {name: count for name, count in summary["protocols"].items() if name in _OT}
    spoken = ", ".join(f"{name} {count:,}" for name, count in sorted(ot.items(), key=lambda item: -item[1]))
    return (
        f"[bold]{escape(names)}[/bold]: {summary['packets']:,} packets over {_span(seconds)}"
        f"\nIndustrial messages: {spoken or 'none'}"
    )


def _span(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} seconds"


def _asset_order(document: dict[str, Any]) -> tuple[float, str]:
    asset = document["asset"]
    return asset.get("purdue_level", 9.0), str(asset.get("ip", asset.get("mac", "")))


def _print_assets(console: Console, assets: list[dict[str, Any]]) -> None:
    roles = Counter(document["asset"]["role"] for document in assets)
    counts = ", ".join(f"{count} {role.replace('_', ' ')}" for role, count in roles.most_common())
    console.print(f"\n[bold]Assets: {len(assets)}[/bold]" + (f" ({counts})" if counts else ""))
    if not assets:
        return
    table = Table(box=None, pad_edge=False)
    for title in ("Address", "Role", "Sure", "Vendor", "Model", "Firmware", "Name", "Speaks"):
        table.add_column(title, no_wrap=title in ("Address", "Role", "Sure"), overflow="fold")
    for document in assets[:MOST_ASSETS]:
        asset = document["asset"]
        addresses = asset.get("ip") or asset.get("mac") or ["?"]
        table.add_row(
            escape(addresses[0] + (f" +{len(addresses) - 1}" if len(addresses) > 1 else "")),
            asset["role"].replace("_", " "),
            f"{asset['role_confidence']:.0%}" if asset["role_confidence"] else "",
            *(escape(str(asset.get(name, ""))) for name in ("vendor", "model", "firmware", "name")),
            ", ".join(asset.get("protocols", ())),
        )
    console.print(table)
    if len(assets) > MOST_ASSETS:
        console.print(f"… and {len(assets) - MOST_ASSETS} more (--out or --store keep all)")


def _print_incidents(console: Console, found: Incidents, lang: str) -> None:
    incidents = found.documents
    if not incidents:
        return
    suffix = "_zh" if lang == "zh" else ""
    console.print(f"\n[bold]Incidents: {len(incidents)}[/bold]")
    for document in incidents[:MOST_INCIDENTS]:
        incident = document["incident"]
        level = incident["level"]
        console.print(
            f"[{STYLES[level]}]{level}[/] {incident['start'][:19].replace('T', ' ')} "
            f"[bold]{escape(incident['title' + suffix])}[/bold] "
            f"({incident['alerts']['count']} alerts, {incident['confidence']:.0%} sure)"
        )
        for step in incident["steps"][:MOST_STEPS]:
            titles = escape("; ".join(step["titles" + suffix]))
            console.print(f"    {step['start'][11:19]} {escape(step['text' + suffix])}: {titles}")
        console.print(f"    {escape(incident['outlook' + suffix])}")
    if len(incidents) > MOST_INCIDENTS:
        console.print(f"… and {len(incidents) - MOST_INCIDENTS} more (--out keeps all)")
    if found.incidents_left_out or found.alerts_left_out:
        console.print(
            f"Not told for room: {found.incidents_left_out:,} incidents; "
            f"{found.alerts_left_out:,} alerts of low level were not looked at"
        )


def _print_alerts(console: Console, alerts: list[dict[str, Any]], lang: str) -> None:
    levels = Counter(alert["rule"]["level"] for alert in alerts)
    counts = ", ".join(f"{levels[level]} {level}" for level in reversed(LEVELS) if levels[level])
    console.print(f"\n[bold]Alerts: {len(alerts)}[/bold]" + (f" ({counts})" if counts else ""))
    if not alerts:
        return
    table = Table(box=None, pad_edge=False)
    for title in ("Level", "First", "Times", "What", "ATT&CK", "Frames"):
        table.add_column(title, no_wrap=title in ("Level", "First", "Times"), overflow="fold")
    worst = sorted(alerts, key=lambda alert: -LEVELS.index(alert["rule"]["level"]))
    for alert in worst[:MOST_ALERTS]:
        level = alert["rule"]["level"]
        frames = alert.get("evidence", {}).get("frames", [])
        table.add_row(
            f"[{STYLES[level]}]{level}[/]",
            alert["@timestamp"][:19].replace("T", " "),
            str(alert["event"]["count"]),
            escape(alert["message_zh" if lang == "zh" else "message"]),
            ", ".join(alert.get("threat", {}).get("technique", {}).get("id", ())),
            " ".join(str(frame) for frame in frames[:4]) + (" …" if len(frames) > 4 else ""),
        )
    console.print(table)
    if len(alerts) > MOST_ALERTS:
        console.print(f"… and {len(alerts) - MOST_ALERTS} more (--out or --store keep all)")


def _verdict(summary: dict[str, Any]) -> str:
    posture, understood = summary["posture"], summary["understood"]
    if not understood["ot_bytes"]:
        return "\nNo industrial conversation was found, so there is no posture to speak of."
    return (
        f"\n[bold]Posture {posture['score']:.0f} of 100[/bold]; "
        f"{understood['share']:.1%} of {understood['ot_bytes']:,} industrial octets understood"
    )


def _quieted(summary: dict[str, Any]) -> list[str]:
    """What maintenance windows and suppressions did to alerts; those that did nothing are left out."""
    lines = []
    for item in summary.get("quieted", ()):
        if not item["alerts"]:
            continue
        what = "Silenced" if item["silenced"] else "Explained and lowered"
        if item["kind"] == "suppression":
            by = f"suppression {item['id']} of {item['author']}: {item['reason']}"
        else:
            texts = [item[key] for key in ("work_order", "text", "who") if key in item]
            by = f"maintenance {', '.join(texts) or item['id']}"
        lines.append(f"{what}: {item['alerts']:,} by {escape(by)}")
    return lines


def _losses(summary: dict[str, Any]) -> list[str]:
    found = {cause: count for cause, count in summary["losses"].items() if count}
    if not found:
        return []
    return [
        "Not used: " + ", ".join(f"{cause.replace('_', ' ')} {count:,}" for cause, count in found.items())
    ]

"""The posture of one finished analysis, from its documents, as of the end of the capture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from console.posture.constants import PostureConstants
from console.posture.ledger import Ledger, PostureAsset
from console.store.asset_merge import UNASSIGNED
from console.store.records import OpenItem
from console.store.times import to_nanoseconds


class Score(NamedTuple):
    """What `summary.json` says of the posture: 0 to 100 each, and confidence from 0 to 1."""

    score: float
    risk: float
    confidence: float


def score_of(
    alerts: Iterable[dict[str, Any]],
    assets: Sequence[dict[str, Any]],
    time_ns: int,
    understood: float,
    constants: PostureConstants | None = None,
) -> Score:
    """Weigh the alerts of an analysis that ended at `time_ns`; `understood` is the share of OT octets.

    Standing exposures are left to the console, which sees more than one capture.
    """
    places: dict[str, PostureAsset] = {}
    by_address: dict[str, str] = {}
    for document in assets:
        asset = document["asset"]
        addresses = [*asset.get("ip", ()), *asset.get("mac", ())]
        label = asset.get("name") or next(iter(addresses), asset["id"])
        zone = asset.get("zone", UNASSIGNED)
        places[asset["id"]] = PostureAsset(asset["id"], label, zone, "default", asset.get("criticality", 1.0))
        by_address |= dict.fromkeys(addresses, asset["id"])
    ledger = Ledger(
        [_item(alert, by_address) for alert in alerts],
        (),
        places.values(),
        constants or PostureConstants(),
        time_ns,
    )
    risk = ledger.sites[0].risk if ledger.sites else 0.0
    return Score(round(100 - risk, 1), round(risk, 1), round(understood, 3))


def _item(alert: dict[str, Any], by_address: dict[str, str]) -> OpenItem:
    event, rule = alert["event"], alert["rule"]
    ends = [_address(alert.get(end, {})) for end in ("destination", "source")]
    burdened = [by_address[end] for end in ends if end in by_address]
    subject = alert.get("asset", {}).get("id")
    return OpenItem(
        alert=event["id"],
        asset=subject or next(iter(burdened), None),
        asset_label=next((end for end in ends if end), "?"),
        zone=alert.get("destination", {}).get("zone"),
        sensor=alert.get("observer", {}).get("name", ""),
        level=rule["level"],
        confidence=1.0,
        count=event["count"],
        last_seen_ns=to_nanoseconds(event["end"]),
        rule=rule["id"],
        rule_name=rule["name"],
        title=rule["title"],
        title_zh=rule.get("title_zh"),
        criticality=1.0,
    )


def _address(end: dict[str, Any]) -> str:
    return str(end.get("ip") or end.get("mac") or "")

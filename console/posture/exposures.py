"""Standing exposures: what is wrong with the plant as it stands, whether or not anything happens."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from console.posture.constants import PostureConstants
from console.posture.ledger import Exposure
from console.store.records import AssetRecord, Flow

ENGINEERING = frozenset({"program_download", "program_upload", "firmware", "start", "stop", "mode"})
"""Operations that change or copy a controller's program or state."""


def exposures_of(
    assets: Iterable[AssetRecord], flows: Iterable[Flow], constants: PostureConstants
) -> list[Exposure]:
    """Unauthorised devices, flows with the internet, and engineering in cleartext, once for each asset."""
    found: dict[str, Exposure] = {}

    def add(kind: str, asset: str, detail: str, probability: float) -> None:
        name = f"{kind}:{asset}"
        if name not in found and probability > 0:
            found[name] = Exposure(name, asset, kind, detail, probability)

    for asset in assets:
        if asset.document["asset"].get("authorised") is False:
            add("unauthorised_device", asset.id, asset.id, constants.unauthorised_device)
    for flow in flows:
        ends = ((flow.source, flow.source_asset), (flow.destination, flow.destination_asset))
        outside = [address for address, _ in ends if public(address)]
        if len(outside) == 1:
            for address, asset_id in ends:
                if asset_id is not None and address != outside[0]:
                    detail = f"{outside[0]} ({flow.protocol})"
                    add("internet_flow", asset_id, detail, constants.internet_flow)
        if flow.destination_asset is not None and flow.protocol in constants.cleartext_protocols:
            operations = sorted(ENGINEERING & flow.operations.keys())
            if operations:
                detail = f"{', '.join(operations)} ({flow.protocol})"
                add(
                    "cleartext_engineering",
                    flow.destination_asset,
                    detail,
                    constants.cleartext_engineering,
                )
    return sorted(found.values(), key=lambda exposure: exposure.id)


def public(address: str) -> bool:
    """Whether an address is one of the internet's (IANA special-purpose registries)."""
    try:
        return ipaddress.ip_address(address).is_global and not ipaddress.ip_address(address).is_multicast
    except ValueError:
        return False

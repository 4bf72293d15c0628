"""Changes of assets as alerts: told when they happen after learning, never for what was learned."""

from __future__ import annotations

from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import ARP, Ether
from traffic import batch_of

from rules.analysis import Analysis
from rules.baseline.model import Baseline
from rules.baseline.stage import Window
from rules.language.loader import load_rules

PLC, HMI, SPY = (
    ("02:00:00:00:00:01", "10.1.1.10"),
    ("02:00:00:00:00:02", "10.1.1.5"),
    ("02:00:00:00:00:03", ""),
)
SECOND = 10**9
STOP = bytes.fromhex("03000021 02f080 32010000000000100000 29 0000000000 09 505f50524f4752414d")
"""RFC 1006, ISO 8073 and an S7comm job, function 0x29: PLC Stop."""


def analyse(
    packets: list[Any], window: Window | None, baseline: Baseline | None = None
) -> tuple[dict[str, list[Any]], Baseline]:
    """Alerts by rule, of packets one second apart from second 1 on."""
    analysis = Analysis(load_rules(), baseline=baseline, window=window)
    analysis.begin("plant.pcap")
    analysis.feed(batch_of([bytes(packet) for packet in packets], step_ns=SECOND))
    analysis.finish()
    found: dict[str, list[Any]] = {}
    for alert in analysis.alerts.values():
        found.setdefault(alert["rule"]["name"], []).append(alert)
    return found, analysis.stage.baseline


def segment(number: int, server: bool = False, sport: int = 50000, port: int = 502, flags: str = "PA") -> Any:
    source, target = (PLC, HMI) if server else (HMI, PLC)
    ports = {"sport": port, "dport": sport} if server else {"sport": sport, "dport": port}
    ends = {"src": source[1], "dst": target[1]}
    return Ether(src=source[0], dst=target[0]) / IP(**ends) / TCP(seq=number, ack=1, flags=flags, **ports)


def polling(seconds: int) -> list[Any]:
    """One Modbus register written each second, and answered."""
    packets = []
    for second in range(seconds // 2):
        adu = second.to_bytes(2) + bytes.fromhex("0000 0006 01 06 0001 0002")
        packets += [segment(1 + 12 * second) / adu, segment(1 + 12 * second, server=True) / adu]
    return packets


def web_server() -> list[Any]:
    """The controller accepts a connection on port 80."""
    return [
        segment(0, sport=50001, port=80, flags="S"),
        segment(0, server=True, sport=50001, port=80, flags="SA"),
        segment(1, sport=50001, port=80, flags="A"),
    ]


def test_a_service_that_was_learned_is_not_new() -> None:
    packets = [*web_server(), *polling(120)]
    alerts, baseline = analyse(packets, Window(span_ns=60 * SECOND))
    assert "new-service" not in alerts
    assert "new-asset" not in alerts
    alerts, _ = analyse(packets, None, baseline)
    assert "new-service" not in alerts
    assert "new-asset" not in alerts


def test_a_service_that_appears_later_is_new() -> None:
    alerts, _ = analyse([*polling(120), *web_server()], Window(span_ns=60 * SECOND))
    (alert,) = alerts["new-service"]
    assert alert["asset"]["ip"] == [PLC[1]]
    assert alert["asset"]["new"] == "tcp/80"
    assert alert["evidence"]["capture"] == "plant.pcap"
    assert set(alert["evidence"]["frames"]) <= {121, 122, 123}


def test_an_operator_station_that_begins_to_do_engineering_is_told() -> None:
    stop = segment(1, sport=50009, port=102) / STOP
    alerts, _ = analyse([*polling(120), stop], Window(span_ns=60 * SECOND))
    (alert,) = alerts["became-engineering-station"]
    assert (alert["asset"]["old"], alert["asset"]["new"]) == ("hmi", "engineering_workstation")
    assert alert["evidence"]["frames"] == [121]
    assert "became-engineering-station" not in analyse([*polling(120), stop], None)[0]


def test_a_stranger_that_claims_the_controllers_address_is_told() -> None:
    def claim(mac: str) -> Any:
        return Ether(src=mac, dst=HMI[0]) / ARP(op=2, hwsrc=mac, psrc=PLC[1], hwdst=HMI[0], pdst=HMI[1])

    packets = [*polling(60), claim(PLC[0]), claim(SPY[0]), claim(PLC[0]), claim(SPY[0])]
    alerts, _ = analyse(packets, None)
    (alert,) = alerts["mac-address-conflict"]
    assert (alert["asset"]["old"], alert["asset"]["new"]) == (PLC[0], SPY[0])
    assert alert["evidence"]["frames"][0] in (63, 64)
    assert [item["asset"]["new"] for item in alerts["new-mac-address"]] == [SPY[0]]


def test_what_was_done_before_a_role_was_known_is_judged_by_it_and_counted_once() -> None:
    writes = polling(20)
    description = b"SCALANCE XC208 switch"
    unit = (
        bytes([2, 7, 4, *bytes.fromhex(HMI[0].replace(":", ""))])  # chassis identifier, a MAC address
        + bytes([4, 7, 3, *bytes.fromhex(HMI[0].replace(":", ""))])  # port identifier, a MAC address
        + bytes([6, 2, 0, 20, 12, len(description)])  # time to live; system description
        + description
        + bytes([0, 0])
    )
    told = Ether(src=HMI[0], dst="01:80:c2:00:00:0e", type=0x88CC) / unit
    analysis = Analysis(load_rules())
    analysis.begin("plant.pcap")
    analysis.feed(batch_of([bytes(packet) for packet in writes], step_ns=SECOND))
    analysis.feed(batch_of([bytes(told), bytes(told)], first=len(writes) + 1, step_ns=SECOND))
    analysis.finish()
    (alert,) = [
        item for item in analysis.alerts.values() if item["rule"]["name"] == "passive-role-gives-commands"
    ]
    assert alert["source"]["role"] == "router"
    assert alert["event"]["count"] == 10
    assert alert["evidence"]["frames"][0] == 1


def test_a_machine_that_only_ever_answered_arp_is_learned() -> None:
    gateway = Ether(src=SPY[0], dst=HMI[0]) / ARP(
        op=2, hwsrc=SPY[0], psrc="10.1.1.1", hwdst=HMI[0], pdst=HMI[1]
    )
    packets = [*polling(40), gateway, *polling(40)]
    alerts, baseline = analyse(packets, Window(span_ns=60 * SECOND))
    assert "10.1.1.1" in baseline.assets
    assert "new-asset" not in alerts
    alerts, _ = analyse(packets, None, baseline)
    assert "new-asset" not in alerts


def test_who_takes_an_address_that_is_in_use_is_told_at_once() -> None:
    def claim(mac: str) -> Any:
        return Ether(src=mac, dst=HMI[0]) / ARP(op=2, hwsrc=mac, psrc=PLC[1], hwdst=HMI[0], pdst=HMI[1])

    own = Ether(src=SPY[0], dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc=SPY[0], psrc="10.1.1.66", pdst="10.1.1.1"
    )
    attack = [
        packet for pair in zip([claim(SPY[0])] * 20, polling(40)[1::2], strict=False) for packet in pair
    ]
    alerts, _ = analyse([*polling(20), claim(PLC[0]), own, *attack], None)
    (alert,) = alerts["address-spoofed"]
    assert alert["rule"]["level"] == "high"
    assert (alert["asset"]["old"], alert["asset"]["new"]) == (PLC[0], SPY[0])
    assert alert["evidence"]["frames"][0] <= 23 + 10, "the attack begins with frame 23"

"""Asset changes from packets that scapy made: what is told, of whom, by which frame, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether
from traffic import batch_of

from sensor.assets.changes import Change
from sensor.inventory import Inventory
from sensor.observer import Observer

PLC, HMI, SPY = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
PLC_IP, HMI_IP = "10.1.1.10", "10.1.1.5"
SECOND = 10**9


def watch(packets: Sequence[Any], step_ns: int = SECOND, batch: int = 1000) -> tuple[list[Change], Inventory]:
    """The changes that packets make, one every `step_ns` from 1 * step_ns on, fed `batch` at a time."""
    observer = Observer()
    raw = [bytes(packet) for packet in packets]
    changes = []
    for start in range(0, len(raw), batch):
        part = batch_of(raw[start : start + batch], first=start + 1, step_ns=step_ns)
        for step in observer.feed(part):
            changes += step.changes
    for step in observer.finish():
        changes += step.changes
    return changes, observer.inventory


def told(changes: Sequence[Change], kind: str) -> list[tuple[str, str, int, int]]:
    return [
        (change.old, change.new, change.frame, change.time_ns // SECOND)
        for change in changes
        if change.kind == kind
    ]


def reply(mac: str, ip: str = PLC_IP) -> Ether:
    return Ether(src=mac, dst=HMI) / ARP(op=2, hwsrc=mac, psrc=ip, hwdst=HMI, pdst=HMI_IP)


def modbus(pdu: str, transaction: int, from_server: bool = False, client: str = HMI_IP) -> Ether:
    """One Modbus/TCP ADU in a segment of its own; the sequence numbers fit adus of one length each."""
    body = bytes.fromhex("01" + pdu)
    adu = transaction.to_bytes(2) + b"\0\0" + len(body).to_bytes(2) + body
    source, target = (PLC, HMI) if from_server else (HMI, PLC)
    ends = {"src": PLC_IP, "dst": client} if from_server else {"src": client, "dst": PLC_IP}
    ports = {"sport": 502, "dport": 50000} if from_server else {"sport": 50000, "dport": 502}
    seq = 1 + transaction * (11 if from_server else 12)
    return Ether(src=source, dst=target) / IP(**ends) / TCP(seq=seq, ack=1, flags="PA", **ports) / adu


def test_a_machine_is_new_when_it_first_speaks() -> None:
    request = (
        Ether(src=HMI, dst=PLC) / IP(src=HMI_IP, dst=PLC_IP) / UDP(sport=50000, dport=9999) / (b"x" * 20)
    )
    answer = Ether(src=PLC, dst=HMI) / IP(src=PLC_IP, dst=HMI_IP) / UDP(sport=9999, dport=50000) / (b"y" * 20)
    changes, inventory = watch([request, request, request, answer, answer])
    found = {
        inventory.address(change.endpoint): (change.frame, change.time_ns // SECOND)
        for change in changes
        if change.kind == "new_asset"
    }
    assert found == {HMI_IP: (1, 1), PLC_IP: (4, 4)}


def test_who_never_speaks_is_no_asset_and_groups_never_are() -> None:
    packets = [
        Ether(src=HMI, dst="ff:ff:ff:ff:ff:ff")
        / IP(src=HMI_IP, dst=target)
        / UDP(sport=5000, dport=5001)
        / b"x"
        for target in ("10.1.1.255", "255.255.255.255", "224.0.0.9", "10.1.1.77")
    ]
    _, inventory = watch(packets)
    assert [machine.addresses for machine in inventory.machines()] == [[HMI_IP]]


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_two_machines_that_claim_an_address_in_turn_are_told_once(batch: int) -> None:
    packets = [reply(PLC), reply(SPY), reply(PLC), reply(SPY), reply(PLC)]
    changes, _ = watch(packets, batch=batch)
    (dispute,) = told(changes, "mac_conflict")
    assert dispute[:2] == (PLC, SPY)
    assert dispute[2] == dispute[3], "one packet a second from second 1 on"
    assert dispute[2] >= 3, "the third packet is the first that shows it"
    assert told(changes, "new_mac")[0] == (PLC, SPY, 2, 2)


def test_a_machine_that_was_exchanged_is_no_conflict() -> None:
    changes, _ = watch([reply(PLC), reply(PLC), reply(SPY), reply(SPY)])
    assert told(changes, "mac_conflict") == []
    assert told(changes, "new_mac") == [(PLC, SPY, 3, 3)]


def test_a_service_is_told_when_it_first_answers() -> None:
    ends = {"src": HMI_IP, "dst": PLC_IP}
    back = {"src": PLC_IP, "dst": HMI_IP}
    packets = [
        Ether(src=HMI, dst=PLC) / IP(**ends) / TCP(sport=50001, dport=80, flags="S", seq=0),
        Ether(src=PLC, dst=HMI) / IP(**back) / TCP(sport=80, dport=50001, flags="SA", seq=0, ack=1),
        Ether(src=HMI, dst=PLC) / IP(**ends) / TCP(sport=50001, dport=80, flags="A", seq=1, ack=1),
        Ether(src=HMI, dst=PLC) / IP(**ends) / TCP(sport=50002, dport=81, flags="S", seq=0),
        Ether(src=PLC, dst=HMI) / IP(**back) / TCP(sport=81, dport=50002, flags="RA", seq=0, ack=1),
    ]
    changes, inventory = watch(packets)
    (service,) = [change for change in changes if change.kind == "service"]
    assert inventory.address(service.endpoint) == PLC_IP
    assert service.new == "tcp/80"
    assert service.frame in (1, 2, 3)
    assert service.time_ns == service.frame * SECOND


def test_a_served_industrial_protocol_is_named() -> None:
    changes, _ = watch([modbus("03 0000 0001", 0), modbus("03 02 0007", 0, from_server=True)])
    assert [new for _, new, _, _ in told(changes, "service")] == ["tcp/502 modbus"]


def test_a_role_that_stood_and_changes_is_told_with_its_proof() -> None:
    polls = [modbus("06 0001 0002", number) for number in range(80)]
    download = (
        Ether(src=HMI, dst=PLC)
        / IP(src=HMI_IP, dst=PLC_IP)
        / TCP(sport=50009, dport=102, flags="PA", seq=1, ack=1)
        # RFC 1006, ISO 8073 and S7comm: a job, function 0x29, PLC Stop.
        / bytes.fromhex("03000021 02f080 32010000000000100000 29 0000000000 09 505f50524f4752414d")
    )
    changes, _ = watch([*polls, download])
    assert told(changes, "role") == [("hmi", "engineering_workstation", 81, 81)]


def test_a_role_that_was_not_settled_yet_is_no_change() -> None:
    polls = [modbus("06 0001 0002", number) for number in range(5)]
    download = (
        Ether(src=HMI, dst=PLC)
        / IP(src=HMI_IP, dst=PLC_IP)
        / TCP(sport=50009, dport=102, flags="PA", seq=1, ack=1)
        / bytes.fromhex("03000021 02f080 32010000000000100000 29 0000000000 09 505f50524f4752414d")
    )
    assert told(watch([*polls, download])[0], "role") == []


def test_the_same_packets_in_other_batches_tell_the_same_machines() -> None:
    packets = [modbus("06 0001 0002", number) for number in range(30)] + [reply(PLC), reply(SPY)]
    ways = [watch(packets, batch=batch) for batch in (1, 7, 1000)]
    new = [{c.frame for c in changes if c.kind == "new_asset"} for changes, _ in ways]
    assert new[0] == new[1] == new[2]
    documents = [[machine.document("") for machine in inventory.machines()] for _, inventory in ways]
    assert documents[0] == documents[1] == documents[2]


def test_addresses_of_one_interface_are_one_asset() -> None:
    link_local = "fe80::1"
    packets = [
        modbus("06 0001 0002", 0),
        reply(HMI, HMI_IP),
        Ether(src=HMI, dst="33:33:00:00:00:01")
        / IPv6(src=link_local, dst="ff02::1")
        / ICMPv6ND_NA(tgt=link_local, R=0, S=0, O=1)
        / ICMPv6NDOptDstLLAddr(lladdr=HMI),
    ]
    changes, inventory = watch(packets)
    assert [machine.addresses for machine in inventory.machines()] == [[HMI_IP, link_local]]
    assert len(told(changes, "new_asset")) == 1


def test_hosts_of_the_internet_are_assets_only_where_they_speak_an_industrial_protocol() -> None:
    router = "02:00:00:00:00:09"
    web = (
        Ether(src=router, dst=HMI) / IP(src="8.8.4.4", dst=HMI_IP) / UDP(sport=443, dport=50000) / (b"x" * 30)
    )
    other = (
        Ether(src=router, dst=HMI) / IP(src="1.1.1.1", dst=HMI_IP) / UDP(sport=443, dport=50000) / (b"x" * 30)
    )
    intruder = modbus("06 0001 0002", 0, client="9.9.9.9")
    intruder.src = router
    _, inventory = watch([web, other, modbus("06 0001 0002", 0), intruder])
    assert [machine.addresses for machine in inventory.machines()] == [[HMI_IP], ["9.9.9.9"]]


@pytest.mark.parametrize(("ttl", "machines"), [(63, 2), (126, 2), (252, 2), (64, 1), (128, 1), (60, 1)])
def test_a_time_to_live_that_was_counted_down_tells_of_a_router(ttl: int, machines: int) -> None:
    router = "02:00:00:00:00:09"
    packets = [
        reply(router, "10.1.1.1"),
        Ether(src=router, dst=PLC)
        / IP(src="10.1.7.5", dst=PLC_IP, ttl=ttl)
        / UDP(sport=5000, dport=161)
        / b"x",
    ]
    _, inventory = watch(packets)
    assert len(inventory.machines()) == machines
    behind = inventory.machine(inventory.endpoint("10.1.7.5"))
    assert behind is not None
    assert (behind.mac == router) == (machines == 1)


def test_a_router_is_not_the_machines_behind_it() -> None:
    router = "02:00:00:00:00:09"
    packets = [
        Ether(src=router, dst=PLC)
        / IP(src=f"10.2.{net}.7", dst=PLC_IP)
        / UDP(sport=5000, dport=5001)
        / (b"x" * 9)
        for net in range(6)
    ]
    _, inventory = watch([*packets, reply(router, "10.1.1.1")])
    machines = inventory.machines()
    assert len(machines) == 7
    assert {machine.mac for machine in machines if machine.addresses != ["10.1.1.1"]} == {""}
    (own,) = [machine for machine in machines if machine.addresses == ["10.1.1.1"]]
    assert (own.mac, own.role) == (router, "router")


def test_a_port_and_its_device_are_one_asset() -> None:
    port, chassis = "02:00:00:00:00:21", "02:00:00:00:00:20"
    unit = (
        bytes([2, 7, 4, *bytes.fromhex(chassis.replace(":", ""))])  # chassis identifier, a MAC address
        + bytes([4, 7, 3, *bytes.fromhex(port.replace(":", ""))])  # port identifier, a MAC address
        + bytes([6, 2, 0, 20, 10, 5])  # time to live; system name
        + b"plc-1"
        + bytes([0, 0])
    )
    told_by_port = Ether(src=port, dst="01:80:c2:00:00:0e", type=0x88CC) / unit
    talk = Ether(src=port, dst=HMI) / IP(src=PLC_IP, dst=HMI_IP) / UDP(sport=5000, dport=5001) / (b"x" * 9)
    for packets in ([talk, told_by_port], [told_by_port, talk]):
        changes, inventory = watch(packets, batch=1)
        (machine,) = inventory.machines()
        assert machine.addresses == [PLC_IP]
        assert machine.macs == [chassis, port]
        assert machine.facts["name"].value == "plc-1"
        assert len(told(changes, "new_asset")) == 1


def test_a_device_that_says_again_what_it_said_before_has_changed_again() -> None:
    there = [reply(PLC), reply(SPY)]
    changes, _ = watch([*there, *there], step_ns=100 * SECOND)
    assert [change[:2] for change in told(changes, "new_mac")] == [(PLC, SPY), (SPY, PLC), (PLC, SPY)]


@pytest.mark.parametrize("gateway_first", [True, False])
def test_one_host_behind_a_gateway_is_a_machine_of_its_own(gateway_first: bool) -> None:
    router = "02:00:00:00:00:09"
    packets = [
        reply(router, "10.1.1.1"),
        Ether(src=router, dst=PLC)
        / IP(src="10.1.9.7", dst=PLC_IP)
        / UDP(sport=5000, dport=5001)
        / (b"x" * 9),
        Ether(src=router, dst=PLC)
        / IP(src="10.1.1.1", dst=PLC_IP)
        / UDP(sport=5000, dport=5001)
        / (b"x" * 9),
    ]
    _, inventory = watch(packets if gateway_first else packets[::-1])
    found = {tuple(machine.addresses): machine for machine in inventory.machines()}
    assert set(found) == {("10.1.1.1",), ("10.1.9.7",)}
    assert found["10.1.1.1",].mac == router
    assert (found["10.1.9.7",].mac, found["10.1.9.7",].vendor[0]) == ("", "")


def test_two_addresses_on_one_link_are_one_machine() -> None:
    packets = [
        Ether(src=HMI, dst=PLC) / IP(src=address, dst=PLC_IP) / UDP(sport=5000, dport=5001) / (b"x" * 9)
        for address in (HMI_IP, "10.1.1.6")
    ]
    _, inventory = watch([reply(HMI, HMI_IP), *packets])
    assert [machine.addresses for machine in inventory.machines()] == [[HMI_IP, "10.1.1.6"]]

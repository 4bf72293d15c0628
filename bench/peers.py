"""What other tools do with a capture, each in the way its users would run it over many packets."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

FIELDS = (
    "frame.number", "ip.src", "ip.dst", "modbus.func_code", "s7comm.param.func", "cip.service",
    "dnp3.al.func", "iec60870_asdu.typeid",
)  # fmt: skip


class Missing(Exception):
    """The tool is not installed."""


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Missing(str(error)) from None


def tshark(path: Path) -> str:
    """`tshark -T fields` with the function codes of the five protocols."""
    if shutil.which("tshark") is None:
        raise Missing("tshark")
    command = ["tshark", "-n", "-r", str(path), "-T", "fields"]
    for field in FIELDS:
        command += ["-e", field]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return "function codes only"


def dpkt(path: Path) -> str:
    """Ethernet, IP and TCP or UDP headers: dpkt knows no industrial protocol."""
    library = _module("dpkt")
    headers = 0
    with path.open("rb") as stream:
        for _, data in library.pcap.Reader(stream):
            try:
                network = library.ethernet.Ethernet(data).data
            except (library.UnpackError, IndexError):
                continue
            headers += isinstance(network, library.ip.IP) and not isinstance(network.data, bytes)
    return "headers only"


def scapy(path: Path) -> str:
    """PcapReader, each packet dissected in full; Modbus, EtherNet/IP and DNP3 are contributions."""
    utilities = _module("scapy.utils")
    _module("scapy.layers.all")
    _module("scapy.contrib.modbus")
    _module("scapy.contrib.enipTCP")
    with utilities.PcapReader(str(path)) as reader:
        for packet in reader:
            packet.lastlayer()
    return "with its Modbus and EtherNet/IP layers"


def pyshark(path: Path) -> str:
    """FileCapture, which reads the XML of tshark."""
    library = _module("pyshark")
    if shutil.which("tshark") is None:
        raise Missing("tshark")
    with library.FileCapture(str(path), keep_packets=False) as capture:
        for packet in capture:
            _ = packet.highest_layer
    return ""


PEERS: dict[str, tuple[int, Callable[[Path], str]]] = {
    "dpkt": (200_000, dpkt),
    "tshark -T fields": (200_000, tshark),
    "scapy": (20_000, scapy),
    "pyshark": (2_000, pyshark),
}
"""Name to the packets that it is given and how it is run."""

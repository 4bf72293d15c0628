"""What IT brings into a plant: names, time, pings, web pages, terminals, shares, logs, leases.

Datagrams follow RFC 1035 (DNS), 6762 (mDNS), 2131 (DHCP), 3164 (syslog), 1157/3416 (SNMP), 792 and
4443 (echo); sessions on SSH, RDP and SMB ports show the first words of these protocols (RFC 4253,
MS-RDPBCGR, MS-SMB2) and then octets that mean nothing, as encrypted ones do not to others.
"""

from __future__ import annotations

import contextlib
import http.server
import socket
import socketserver
import struct
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable

from lab.network import Context


def aside(action: Callable[[], None]) -> None:
    """Do it in a thread of its own; a lost peer ends it quietly."""

    def run() -> None:
        with contextlib.suppress(OSError):
            action()

    threading.Thread(target=run, daemon=True).start()


def _datagrams(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    card = socket.socket(family, socket.SOCK_DGRAM)
    card.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    card.bind((address, port))
    return card


def _question(name: str, kind: int) -> bytes:
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return labels + b"\0" + struct.pack(">HH", kind, 1)


def serve_names(context: Context, address: str = "") -> None:
    """Answer DNS questions: with the address of a host of that key, or that there is no such name."""
    with _datagrams(address or context.host.ip, 53) as card:
        while True:
            request, sender = card.recvfrom(512)
            end = request.index(b"\0", 12) + 5
            name = request[13 : 13 + request[12]].decode()
            host, kind = context.hosts.get(name), struct.unpack(">H", request[end - 4 : end - 2])[0]
            answer = b""
            if host and kind == 1:
                answer = struct.pack(">HHHIH", 0xC00C, 1, 1, 3600, 4) + socket.inet_aton(host.ip)
            flags = 0x8580 if host else 0x8583
            head = struct.pack(">HHHHHH", *struct.unpack(">H", request[:2]), flags, 1, bool(answer), 0, 0)
            card.sendto(head + request[12:end] + answer, sender)


def ask_names(context: Context, server: str, names: Iterable[str], seconds: float) -> None:
    """Ask a DNS server for names, one after the other."""
    asked, own = list(names), context.host
    local = own.ip6 if ":" in server else own.ip

    def speak() -> None:
        for turn in context.every(seconds, 3 + context.random.random() * 5):
            with _datagrams(local, 0) as card:
                card.settimeout(1)
                name = asked[turn % len(asked)] + ".plant.example"
                head = struct.pack(">HHHHHH", context.random.randrange(1 << 16), 0x0100, 1, 0, 0, 0)
                card.sendto(head + _question(name, 1), (server, 53))
                with contextlib.suppress(OSError):
                    card.recv(512)

    aside(speak)


def announce_mdns(context: Context, service: str, seconds: float = 60) -> None:
    """Announce and look for a service by multicast, over IPv6 too where the host has an address."""

    def speak() -> None:
        record = _question(f"{service}._tcp.local", 12)
        query = struct.pack(">HHHHHH", 0, 0, 1, 0, 0, 0) + record
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as card:
            card.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            card.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(context.host.ip))
            card.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
            card.bind((context.host.ip, 5353))
            for _ in context.every(seconds, 2 + context.random.random() * 9):
                card.sendto(query, ("224.0.0.251", 5353))
                if context.host.ip6:
                    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
                        six.bind(("", 5353))
                        place = socket.if_nametoindex("eth0")
                        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, place)
                        six.sendto(query, ("ff02::fb", 5353, 0, place))

    aside(speak)


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ping(context: Context, targets: Iterable[str], seconds: float) -> None:
    """Send echo requests to each address, as monitoring does."""
    addresses = list(targets)

    def speak() -> None:
        mark = context.random.randrange(1 << 16)
        four = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        six = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        for turn in context.every(seconds, 5 + context.random.random() * 5):
            for address in addresses:
                data = struct.pack(">HH", mark, turn & 0xFFFF) + bytes(range(32))
                if ":" in address:  # the kernel fills in this checksum
                    six.sendto(b"\x80\0\0\0" + data, (address, 0))
                else:
                    check = _checksum(b"\x08\0\0\0" + data)
                    four.sendto(struct.pack(">BBH", 8, 0, check) + data, (address, 0))
                time.sleep(0.05)

    aside(speak)


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<html><body>" + b"<p>trend</p>" * (20 + len(self.path)) + b"</body></html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class _Web(http.server.ThreadingHTTPServer):
    def server_bind(self) -> None:
        """Bind, and ask no name server who we are, as the stack's own would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]


class _Six(_Web):
    address_family = socket.AF_INET6


def serve_web(context: Context, address: str = "", port: int = 80) -> None:
    """A web server with small pages."""
    kind = _Six if ":" in address else _Web
    kind((address or context.host.ip, port), _Page).serve_forever()


def browse(context: Context, server: str, seconds: float, port: int = 80) -> None:
    """Look at a web page, reloaded every so many seconds for a while, then not for a while."""
    place = f"[{server}]" if ":" in server else server

    def speak() -> None:
        for turn in context.every(seconds, 6 + context.random.random() * 6):
            if turn // 12 % 3 != 2:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://{place}:{port}/page{turn % 5}", timeout=3).read()

    aside(speak)


def _serve_sessions(context: Context, port: int, hello: bytes, seed: int) -> None:
    with socket.create_server((context.host.ip, port)) as server:
        while True:
            client, _ = server.accept()
            aside(lambda c=client: _answer_session(context, c, hello))


def _answer_session(context: Context, client: socket.socket, hello: bytes) -> None:
    with client:
        if hello[:4] == b"SSH-":
            client.sendall(hello)
        while client.recv(4096):
            client.sendall(hello or context.random.randbytes(context.random.randrange(40, 400)))
            hello = b""


_SSH = b"SSH-2.0-OpenSSH_8.4p1\r\n"
_RDP_REQUEST = bytes.fromhex("0300001302e00000000000010008000b000000")
_RDP_CONFIRM = bytes.fromhex("0300001302d000001234000209080002000000")


def _smb(flags: int, extra: bytes) -> bytes:
    head = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16x", 64, 0, 0, 0, 1, flags, 0, 0, 0xFEFF, 0, 0)
    return struct.pack(">I", len(head + extra)) + head + extra


_SMB_REQUEST = _smb(
    0,
    struct.pack(
        "<HHHHI16sQ5H2x", 36, 5, 1, 0, 0x7F, b"lab-client-guid0", 0, *(0x202, 0x210, 0x300, 0x302, 0x311)
    ),
)
_SMB_ANSWER = _smb(
    1,
    struct.pack(
        "<HHHH16sIIIIQQHHI",
        65,
        1,
        0x311,
        0,
        b"lab-server-guid0",
        0x7F,
        1 << 20,
        1 << 20,
        1 << 20,
        0,
        0,
        128,
        0,
        0,
    ),
)
SESSIONS = {22: (_SSH, _SSH), 3389: (_RDP_REQUEST, _RDP_CONFIRM), 445: (_SMB_REQUEST, _SMB_ANSWER)}


def serve_session(context: Context, port: int) -> None:
    """Accept sessions on a port of SESSIONS, from a thread of its own."""
    aside(lambda: _serve_sessions(context, port, SESSIONS[port][1], port))


def work_remotely(
    context: Context, server: str, port: int, seconds: float, first: float, lasts: float = 60, pace: float = 2
) -> None:
    """Every so many seconds, a session on a port of SESSIONS that lasts for a while."""

    def speak() -> None:
        for _ in context.every(seconds, first):
            with contextlib.suppress(OSError), socket.create_connection((server, port), 3) as session:
                session.settimeout(3)
                session.sendall(SESSIONS[port][0])
                end = context.now + lasts
                while context.now < end:
                    session.recv(4096)
                    time.sleep(context.random.uniform(0, 2 * pace))
                    session.sendall(context.random.randbytes(context.random.randrange(30, 120)))

    aside(speak)


def log_to(context: Context, server: str, seconds: float) -> None:
    """Send syslog lines now and then."""

    def speak() -> None:
        with _datagrams(context.host.ip, 514) as card:
            for turn in context.every(seconds, 4 + context.random.random() * 5):
                text = f"<{context.random.choice((134, 133, 30))}>{context.host.key} task: cycle {turn} done"
                card.sendto(text.encode(), (server, 514))

    aside(speak)


def take_logs(context: Context) -> None:
    """Receive syslog lines."""

    def listen() -> None:
        with _datagrams(context.host.ip, 514) as card:
            while True:
                card.recv(2048)

    aside(listen)


def _ber(tag: int, value: bytes) -> bytes:
    return bytes([tag, len(value)]) + value


def _snmp(kind: int, number: int, value: bytes) -> bytes:
    name = _ber(6, bytes([0x2B, 6, 1, 2, 1, 1, 3, 0]))  # sysUpTime.0
    bindings = _ber(0x30, _ber(0x30, name + value))
    integers = _ber(2, struct.pack(">I", number & 0x7FFFFFFF)) + _ber(2, b"\0") + _ber(2, b"\0")
    return _ber(0x30, _ber(2, b"\1") + _ber(4, b"public") + _ber(kind, integers + bindings))


def serve_snmp(context: Context) -> None:
    """Answer SNMP version 2c requests for the time since start, from a thread of its own."""

    def serve() -> None:
        with _datagrams(context.host.ip, 161) as card:
            while True:
                request, sender = card.recvfrom(1500)
                place = request.index(b"\x02\x04", 12) + 2
                number = struct.unpack(">I", request[place : place + 4])[0]
                ticks = struct.pack(">I", int(context.now * 100) + 8_000_000)
                card.sendto(_snmp(0xA2, number, _ber(0x43, ticks)), sender)

    aside(serve)


def ask_snmp(context: Context, targets: Iterable[str], seconds: float) -> None:
    """Ask devices for the time since their start."""
    addresses = list(targets)

    def speak() -> None:
        with _datagrams(context.host.ip, 0) as card:
            card.settimeout(1)
            for turn in context.every(seconds, 7):
                for address in addresses:
                    card.sendto(_snmp(0xA0, 1000 + turn, _ber(5, b"")), (address, 161))
                    with contextlib.suppress(OSError):
                        card.recv(1500)

    aside(speak)


def _dhcp(context: Context, kind: int, mine: str, number: int, options: bytes, reply: bool) -> bytes:
    mac = bytes.fromhex(context.hosts[mine].mac.replace(":", ""))
    own = socket.inet_aton(context.hosts[mine].ip)
    head = struct.pack(">BBBBIHH", 2 if reply else 1, 1, 6, 0, number, 0, 0)
    head += (bytes(4) + own if reply else own + bytes(4)) + bytes(8) + mac.ljust(16, b"\0") + bytes(192)
    return head + b"\x63\x82\x53\x63" + bytes([53, 1, kind]) + options + b"\xff"


def serve_leases(context: Context) -> None:
    """Renew the lease of whoever asks, from a thread of its own."""

    def serve() -> None:
        with _datagrams(context.host.ip, 67) as card:
            while True:
                request, sender = card.recvfrom(1500)
                key = next((k for k, h in context.hosts.items() if h.ip == sender[0]), "")
                if not key:
                    continue
                number = struct.unpack(">I", request[4:8])[0]
                options = (
                    b"\x36\x04" + socket.inet_aton(context.host.ip) + b"\x33\x04" + struct.pack(">I", 3600)
                )
                card.sendto(_dhcp(context, 5, key, number, options, True), sender)

    aside(serve)


def renew_lease(context: Context, server: str, seconds: float) -> None:
    """Ask the server of the lease to renew it."""
    name = context.host.told.get("name", context.host.key).encode()

    def speak() -> None:
        with _datagrams(context.host.ip, 68) as card:
            card.settimeout(1)
            for _ in context.every(seconds, 8 + context.random.random() * 10):
                options = bytes([12, len(name)]) + name + b"\x37\x03\x01\x03\x06"
                number = context.random.randrange(1 << 32)
                card.sendto(_dhcp(context, 3, context.host.key, number, options, False), (server, 67))
                with contextlib.suppress(OSError):
                    card.recv(1500)

    aside(speak)

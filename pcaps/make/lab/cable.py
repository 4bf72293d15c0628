"""A cable that loses, delays and reorders frames: two cards of one namespace and what is between."""

from __future__ import annotations

import heapq
import random
import select
import socket
import time

from lab.host import Cable

_ETH_P_ALL = 0x0003
_OUTGOING = 4


def carry(first: str, second: str, cable: Cable, seed: str) -> None:
    """Carry frames between two cards, both ways, without end."""
    chance = random.Random(seed)
    cards = {name: _open(name) for name in (first, second)}
    other = {cards[first]: cards[second], cards[second]: cards[first]}
    waiting: list[tuple[float, int, socket.socket, bytes]] = []
    number = 0
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select(list(other), [], [], pause)
        for card in ready:
            frame, address = card.recvfrom(65535)
            if address[2] == _OUTGOING or chance.random() < cable.loss:
                continue
            number += 1
            due = time.monotonic() + cable.delay + chance.uniform(0, cable.variation)
            heapq.heappush(waiting, (due, number, other[card], frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, card, frame = heapq.heappop(waiting)
            card.send(frame)


def _open(name: str) -> socket.socket:
    card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    card.bind((name, 0))
    return card

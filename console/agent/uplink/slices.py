"""Packets of alerts on their way to the console: of less weight than any document, behind their alert."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from console.agent.evidence.slices import Slices
from console.agent.spool.errors import SpoolError
from console.agent.spool.spool import Spool
from console.agent.uplink.answers import Verdict, verdict_of
from console.agent.uplink.client import Client, Unreachable

_log = structlog.get_logger()


class SliceSender:
    """What `Sender` is given as `extra`."""

    def __init__(self, slices: Slices, spools: Sequence[Spool]) -> None:
        self.sent = 0
        self.refused = 0
        self._slices = slices
        self._spools = spools

    def __call__(self, client: Client) -> bool:
        """Send one slice whose alert the console has; whether there was one. Raises Unreachable."""
        for name in self._slices.names():
            event = name.partition("-")[2]
            try:
                if any(spool.holds("alert", event) for spool in self._spools):
                    continue
            except SpoolError:
                continue
            waiting = self._slices.read(name)
            if waiting is None:
                continue
            headers = {
                "content-type": "application/vnd.tcpdump.pcap",
                "x-evidence-capture": waiting.capture.encode("ascii", "replace").decode(),
                "x-evidence-frames": ",".join(map(str, waiting.marks)),
            }
            answer = client.request(
                "POST", f"/ingest/evidence/{waiting.event}", content=waiting.pcap, headers=headers
            )
            verdict = verdict_of(answer.status, answer.type)
            if verdict is Verdict.DONE:
                self.sent += 1
            elif verdict is Verdict.REFUSED:
                self.refused += 1
                _log.warning("evidence.refused", event=waiting.event, reason=answer.detail)
            else:
                raise Unreachable(answer.detail)
            self._slices.remove(name)
            return True
        return False

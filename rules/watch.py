"""A plant under watch: packets in; documents of alerts, assets and behaviours out, as they come up."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from hashlib import blake2b
from typing import Any, Protocol

import numpy as np

from rules.alerts.tolerance import Tolerances
from rules.baseline.model import Baseline
from rules.baseline.rhythms.source import RhythmSource
from rules.baseline.stage import BaselineStage, Window
from rules.baseline.subjects import Directory
from rules.baseline.values.watching import ValueWatch
from rules.detector import Detector
from rules.documents import nanoseconds, timestamp
from rules.ends import Plant
from rules.enrich import behaviour_table
from rules.observed import Observed
from rules.rule import AnyRule
from rules.site.model import Site
from rules.table import Occurrences, Table
from sensor.behaviours import BEHAVIOUR, EVIDENCE_FRAMES
from sensor.capacity import STANDARD, Capacity
from sensor.capture.batch import PacketBatch
from sensor.inventory import Change, Machine
from sensor.observer import Observer, Step
from sensor.types import Ints

ROWS_AT_ONCE = 8192
ROLES = frozenset({"source.role", "destination.role", "source.purdue_level", "destination.purdue_level"})
"""What rules ask for that may change as a machine is taken for something else."""
NOVELTY = frozenset(
    {
        "baseline.novelty",
        *(f"baseline.new_{what}" for what in ("asset", "conversation", "operation", "function", "object")),
    }
)
_KEY = [name for name in BEHAVIOUR.names or () if name not in ("client", "server", "name")][
    : (BEHAVIOUR.names or ()).index("messages") - 3
]
"""The columns that make a behaviour this one, but for those that are numbers of this run."""


class Source(Protocol):
    """Something that finds more for rules to look at than behaviours and asset changes."""

    def tables(self, step: Step) -> Iterator[Table]:
        """What it has to tell at the end of an epoch."""


class Watch:
    """Watches one plant: an interface, or captures one after the other as if they were one.

    `begin` a capture, `feed` it, `take` the alerts now and then, `finish`. Traffic is judged at the end
    of each epoch (`sensor.epochs`), so the same traffic gives the same alerts however it comes. Packets
    are numbered on over all captures; documents name each capture and its own numbers.
    """

    def __init__(
        self,
        rules: Iterable[AnyRule],
        site: Site | None = None,
        baseline: Baseline | None = None,
        window: Window | None = None,
        accept: Collection[int] = (),
        observer: str = "sensor",
        capacity: Capacity = STANDARD,
    ) -> None:
        self.watcher = Observer(capacity)
        self.observer = observer
        self.sources: list[Source] = []
        self.on_fault: Callable[[], None] | None = None
        """Called, if it is given, where judging an epoch raised an exception, which `sys.exc_info` tells;
        then the next epoch comes. Else the exception is the caller's."""
        self._capacity = capacity
        self._strings = self.watcher.pipeline.out.strings
        self._observed = Observed(self.watcher.inventory)
        self.judge_by(rules, site, baseline, window, accept)
        self._lapsed: Ints = np.zeros(0, np.int64)
        self.packets = 0
        self.octets = 0
        self._starts = [0]
        self._captures = [""]

    def judge_by(
        self,
        rules: Iterable[AnyRule],
        site: Site | None,
        baseline: Baseline | None,
        window: Window | None = None,
        accept: Collection[int] = (),
    ) -> None:
        """Judge what comes by these from now on; see `rules.reconfigure` for a watch that is at work."""
        self.rules = tuple(rules)
        self.site = site or Site()
        inventory = self.watcher.inventory
        inventory.belongs = self.site.is_internal
        directory = Directory(
            lambda endpoints: [inventory.address(int(endpoint)) for endpoint in endpoints],
            self.site.is_internal,
        )
        self.stage = BaselineStage(directory, self._strings, baseline, window, accept, self.observer)
        learned = self.stage.baseline.assets if self.stage.learned else frozenset()
        self.plant = Plant(self._observed, self.site, learned)
        # No processing times: the same capture gives the same documents, whenever it is analysed.
        self.detector = Detector(
            self.rules, observer=self.observer, clock=lambda: 0, tolerances=Tolerances(self.site)
        )
        self.rhythms = RhythmSource(self.stage, directory, self._strings, self.plant)
        self.values = ValueWatch(self.stage, directory, self._strings, self.plant, self._capacity)
        self.watcher.listeners[:] = [self.rhythms.metronome, *([self.values] if self.stage.learned else [])]
        self.sources[:2] = [self.rhythms, self.values]

    def begin(self, capture: str) -> None:
        """What comes next is from the capture of this name."""
        self._starts.append(self.packets)
        self._captures.append(capture)

    def feed(self, batch: PacketBatch) -> None:
        """Take a batch of the capture that was begun last."""
        if not self.packets and len(batch.records):
            self.stage.begin(int(batch.records["time_ns"][0]))
        self.packets += len(batch.records)
        self.octets += int(batch.records["length"].sum())
        for step in self.watcher.feed(batch._replace(first=batch.first + self._starts[-1])):
            self._judge(step)

    def flush(self) -> None:
        """Judge what came so far: no packet will come for longer than an epoch lasts."""
        for step in self.watcher.flush():
            self._judge(step)

    def finish(self) -> None:
        """The last capture has ended."""
        for step in self.watcher.finish():
            self._judge(step)
        self.rhythms.finish()
        self.values.finish()
        self.stage.finish()

    def tables(self, step: Step) -> Iterator[Table]:
        """What a step brought, with all that rules may ask about it."""
        if step.fresh.size:
            rows = self.watcher.behaviours.rows[step.fresh]
            novelty = self.stage.novelty(rows)
            more = self.stage.columns(rows, novelty)
            yield behaviour_table(rows, self._strings, self.plant, novelty, step.fresh, more)
        yield from self._known_no_more(step)
        if step.changes:
            news = {change: self.stage.is_news(change.time_ns) for change in step.changes}
            self._learn_machines(step)
            for learned in (False, True):
                changes = [change for change in step.changes if news[change] is learned]
                if learned:
                    changes = [change for change in changes if not self._is_learned(change)]
                yield from self._observed.tables(changes, self.plant, learned)
        if step.new_roles:
            yield from self._seen_in_another_light(step)
        for source in self.sources:
            yield from source.tables(step)

    def _learn_machines(self, step: Step) -> None:
        """Who never speaks over IP, such as a gateway that only answers ARP, is no behaviour's asset."""
        for change in step.changes:
            if change.kind == "new_asset":
                machine = self.watcher.inventory.machine(change.endpoint)
                addresses = machine.addresses if machine else []
                own = [address for address in addresses if self.site.is_internal(address)]
                self.stage.learn_assets(own, change.time_ns)

    def _known_no_more(self, step: Step) -> Iterator[Table]:
        """Behaviours that go on although the time is over for which they were accepted."""
        table = self.watcher.behaviours
        addresses = self.stage.lapsed(step.now_ns)
        if addresses:
            known = np.flatnonzero(table.hashes)
            ends = np.unique([table.rows["client"][known], table.rows["server"][known]]).tolist()
            mine = [end for end in ends if self.watcher.inventory.address(int(end)) in addresses]
            chosen = np.isin(table.rows["client"][known], mine) | np.isin(table.rows["server"][known], mine)
            self._lapsed = np.union1d(self._lapsed, known[chosen])
        if not self._lapsed.size:
            return
        self._lapsed = np.setdiff1d(self._lapsed, np.concatenate([step.gone, step.fresh]))
        keys = np.intersect1d(self._lapsed, step.touched)
        self._lapsed = np.setdiff1d(self._lapsed, keys)
        if keys.size:
            keys = keys[np.argsort(table.rows["last_ns"][keys], kind="stable")][:ROWS_AT_ONCE]
            rows = table.rows[keys].copy()
            # What is told is this message, not those that were accepted.
            rows["first_ns"], rows["messages"] = rows["last_ns"], 1
            last = np.minimum(rows["frames_used"], EVIDENCE_FRAMES) - 1
            rows["frames"][:, 0] = rows["frames"][np.arange(len(rows)), last]
            rows["frames"][:, 1:] = 0
            novelty = self.stage.novelty(rows)
            more = self.stage.columns(rows, novelty)
            told = behaviour_table(rows, self._strings, self.plant, novelty, None, more)
            told.about = NOVELTY
            yield told

    def _is_learned(self, change: Change) -> bool:
        """Whether the baseline knows of what the sensor has seen only now: a service that is served."""
        if change.kind != "service":
            return False
        address = self.watcher.inventory.address(change.endpoint)
        return self.stage.knows_service(address, change.new.partition(" ")[0])

    def _seen_in_another_light(self, step: Step) -> Iterator[Table]:
        """Behaviours seen before, of machines that are taken for something else now: rules that ask
        for roles or levels shall not miss what was done before the role could be told, nor take what is
        known for news. Repeats are not counted twice."""
        table = self.watcher.behaviours
        known = np.flatnonzero(table.hashes)
        ends = table.rows["client"][known], table.rows["server"][known]
        mine = np.isin(ends[0], step.new_roles) | np.isin(ends[1], step.new_roles)
        keys = np.setdiff1d(known[mine], step.fresh)
        keys = keys[np.argsort(table.rows["first_ns"][keys], kind="stable")][:ROWS_AT_ONCE]
        if keys.size:
            rows = table.rows[keys]
            novelty = self.stage.novelty(rows, again=True)
            more = self.stage.columns(rows, novelty)
            told = behaviour_table(rows, self._strings, self.plant, novelty, keys, more)
            told.about = ROLES
            yield told

    def _judge(self, step: Step) -> None:
        if self.on_fault is None:
            self._take(step)
            return
        try:
            self._take(step)
        except Exception:
            self.on_fault()

    def _take(self, step: Step) -> None:
        self.stage.advance(step.now_ns)
        if step.gone.size:
            self.detector.forget(step.gone.tolist())
        for table in self.tables(step):
            self.detector.see(table)
        keys = self.detector.watched(step.touched)
        if keys.size:
            rows = self.watcher.behaviours.rows[keys]
            self.detector.update(
                Occurrences(keys, rows["messages"], rows["first_ns"], rows["last_ns"], rows["frames"])
            )

    def take(self) -> list[dict[str, Any]]:
        """The alerts that are new or have grown since this was last called, in the order in which they
        began; one replaces an earlier one with the same `event.id`."""
        documents = self.detector.take()
        for document in documents:
            if "evidence" in document:
                document["evidence"] = self._evidence(document["evidence"]["frames"])
            event = document["event"]
            if self.stage.withholds(event.get("action", ""), nanoseconds(event["start"])):
                document.setdefault("baseline", {})["withheld"] = True
                document["message"] += " (seen while learning; not learned)"
                document["message_zh"] += "（学习期间出现，未纳入基线）"
        return documents

    def _evidence(self, frames: list[int]) -> dict[str, Any]:
        """Frames as each capture numbers them; those of further captures stand under `more`."""
        found: dict[str, list[int]] = {}
        for frame in frames:
            capture, own = self.locate(frame)
            found.setdefault(capture, []).append(own)
        (capture, own_frames), *others = found.items()
        result: dict[str, Any] = {"capture": capture, "frames": own_frames}
        if others:
            result["more"] = [{"capture": name, "frames": numbers} for name, numbers in others]
        return result

    def locate(self, frame: int) -> tuple[str, int]:
        """The capture that a packet came from, and its number there."""
        place = bisect_right(self._starts, frame - 1) - 1
        return self._captures[place], frame - self._starts[place]

    @property
    def machines(self) -> list[Machine]:
        """The assets that were seen."""
        return self.watcher.inventory.machines()

    def assets(self, settle: bool = True) -> Iterator[dict[str, Any]]:
        """Asset documents, what the site file says laid over what was seen; with `settle` after
        everything has been worked out that epochs had no time for, as at the end of a capture."""
        for machine in self.watcher.inventory.machines(settle):
            document = machine.document("")
            for proof in document["evidence"].values():
                proof["capture"], proof["frame"] = self.locate(proof["frame"])
            asset = document["asset"]
            ip = (asset.get("ip") or [""])[0]
            mac = (asset.get("mac") or [""])[0]
            said = self.plant.describe(ip, mac, asset.get("purdue_level"))
            said.pop("is_internal")
            asset |= {name: value for name, value in said.items() if value is not None}
            asset.setdefault("criticality", 1.0)
            yield document

    def behaviours(self, places: Ints | None = None) -> Iterator[dict[str, Any]]:
        """Behaviour documents in the order in which the behaviours began; of these rows of the table,
        or of all."""
        table = self.watcher.behaviours
        places = np.flatnonzero(table.hashes) if places is None else places
        places = places[np.argsort(table.rows["first_ns"][places], kind="stable")]
        for start in range(0, len(places), ROWS_AT_ONCE):
            yield from self._behaviour_documents(places[start : start + ROWS_AT_ONCE])

    def _behaviour_documents(self, places: Ints) -> Iterator[dict[str, Any]]:
        rows = self.watcher.behaviours.rows[places]
        columns = behaviour_table(rows, self._strings, self.plant).columns
        kept = [
            (name.split("."), name == "ics.malformed", columns[name].listed())
            for name in columns
            if name.startswith(("network.", "ics."))
            or name in ("source.ip", "source.mac", "destination.ip", "destination.mac", "destination.port")
        ]
        keys = rows[_KEY].tolist()
        for index, row in enumerate(rows):
            # Both are there although nothing may be known of them: the table of endpoints may be full.
            document: dict[str, Any] = {"source": {}, "destination": {}}
            for (*path, last), wanted_false, values in kept:
                value = values[index]
                if value is None or (value is False and not wanted_false):
                    continue
                target = document
                for part in path:
                    target = target.setdefault(part, {})
                target[last] = list(value) if isinstance(value, tuple) else value
            for end in ("source", "destination"):
                if "ip" in document[end]:
                    document[end].pop("mac", None)
            frames = sorted({int(frame) for frame in row["frames"]} - {0})
            ends = (document["source"], document["destination"], document["ics"].get("name"))
            identity = repr((ends, keys[index])).encode("utf-8", "surrogatepass")
            yield {
                "behaviour": {
                    "id": "b-" + blake2b(identity, digest_size=8).hexdigest(),
                    "count": int(row["messages"]),
                    "first_seen": timestamp(int(row["first_ns"])),
                    "last_seen": timestamp(int(row["last_ns"])),
                },
                **document,
                "evidence": self._evidence(frames),
            }

    @property
    def losses(self) -> dict[str, int]:
        """Every cause for which something that was captured was not used, zeros included."""
        return {**self.watcher.losses, **self.rhythms.losses, **self.values.losses, **self.detector.losses}

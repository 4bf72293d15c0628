import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from agent_documents import alert, asset, behaviour, health

from console.agent.spool.errors import SpoolCorrupt, SpoolError, SpoolInUse
from console.agent.spool.spool import BATCH_DOCUMENTS, Parcel, Spool

LIMIT = 1 << 20
ROOT = Path(__file__).parents[4]


@pytest.fixture
def spool(tmp_path):
    opened = Spool(tmp_path / "spool.db", LIMIT)
    yield opened
    opened.close()


def ids(parcel: Parcel | None) -> list[str]:
    bodies = [json.loads(item.body) for item in parcel.documents] if parcel else []
    return [
        next(body[part]["id"] for part in ("event", "asset", "behaviour") if part in body) for body in bodies
    ]


def test_what_was_put_comes_out_under_one_sequence_until_it_is_settled(spool):
    spool.put([alert("a1"), asset("p1"), behaviour("b1")])
    first = spool.take()
    assert ids(first) == ["a1", "p1", "b1"]
    assert spool.take() == first
    spool.settle(first)
    assert spool.take() is None
    assert spool.depth == (0, 0, 0, 0)


def test_a_newer_document_replaces_a_waiting_one_but_none_that_is_on_its_way(spool):
    spool.put([alert("a1", count=1)])
    spool.put([alert("a1", count=2)])
    first = spool.take()
    assert [json.loads(item.body)["event"]["count"] for item in first.documents] == [2]
    spool.put([alert("a1", count=3)])
    assert spool.take() == first
    spool.settle(first)
    second = spool.take()
    assert second.sequence != first.sequence
    assert [json.loads(item.body)["event"]["count"] for item in second.documents] == [3]


def test_sequences_survive_a_restart_and_are_never_used_again(tmp_path):
    path = tmp_path / "spool.db"
    spool = Spool(path, LIMIT)
    spool.put([alert("a1")])
    frozen = spool.take()
    spool.put([alert("a2")])
    spool.close()
    again = Spool(path, LIMIT)
    assert again.take() == frozen
    again.settle(frozen)
    later = again.take()
    assert ids(later) == ["a2"]
    assert later.sequence != frozen.sequence
    again.close()
    path.unlink()
    new = Spool(path, LIMIT)
    new.put([alert("a3")])
    assert new.take().sequence not in (frozen.sequence, later.sequence)
    new.close()


def test_alerts_go_first_the_worst_before_the_rest(spool):
    spool.put([behaviour(f"b{number}") for number in range(BATCH_DOCUMENTS)])
    spool.put([alert("low", "low"), alert("critical", "critical")])
    first = ids(spool.take())
    assert len(first) == BATCH_DOCUMENTS
    assert {"low", "critical"} <= set(first)


def test_a_batch_is_bounded_in_octets(spool):
    spool.most_bytes = 64 << 20
    spool.put([behaviour(f"b{number}", padding="x" * 60_000) for number in range(100)])
    taken = 0
    while parcel := spool.take():
        assert sum(len(item.body) for item in parcel.documents) <= 4 << 20
        taken += len(parcel.documents)
        spool.settle(parcel)
    assert taken == 100


def test_a_full_spool_gives_up_telemetry_before_any_alert_and_counts_it(spool):
    spool.put([alert("a0", "informational"), health(1), asset("p1")])
    spool.put([behaviour(f"b{number}", padding="x" * 900) for number in range(2000)])
    assert spool.depth.bytes <= LIMIT
    dropped = spool.dropped()
    assert set(dropped) == {"behaviour.full"}
    left = ids_of_all(spool)
    assert {"a0", "p1", "health"} <= left
    assert len(left) == 2003 - dropped["behaviour.full"]
    assert "b1999" in left
    assert "b0" not in left


def test_of_alerts_alone_the_oldest_of_the_lowest_level_give_way(spool):
    spool.put([alert(f"high{number}", "high") for number in range(300)])
    for start in range(0, 4000, 200):
        spool.put([alert(f"low{number}", "low", note="x" * 500) for number in range(start, start + 200)])
    left = ids_of_all(spool)
    assert {f"high{number}" for number in range(300)} <= left
    assert "low3999" in left
    assert "low0" not in left
    assert spool.dropped() == {"alert.low.full": 4300 - len(left)}
    assert spool.depth.alerts == len(left)


def ids_of_all(spool: Spool) -> set[str]:
    rows = sqlite3.Connection.execute(spool._connection, "SELECT ifnull(id, type) FROM document").fetchall()
    return {row[0] for row in rows}


def test_a_refused_document_is_set_aside_and_the_others_go_on(spool):
    spool.put([alert("a1"), alert("a2"), alert("a3")])
    whole = spool.take()
    spool.split(whole, [whole.documents[:1], whole.documents[1:2], whole.documents[2:]])
    first = spool.take()
    assert first.sequence != whole.sequence
    assert ids(first) == ["a1"]
    spool.settle(first)
    second = spool.take()
    spool.refuse(second, "documents.0.body.event: no")
    assert ids(spool.take()) == ["a3"]
    assert [(kind, reason) for kind, reason, _ in spool.refused()] == [
        ("alert", "documents.0.body.event: no")
    ]
    assert spool.dropped() == {"alert.high.refused": 1}


def test_one_process_holds_the_spool(tmp_path, spool):
    with pytest.raises(SpoolInUse):
        Spool(tmp_path / "spool.db", LIMIT)


def test_a_damaged_file_is_moved_aside_and_a_new_one_takes_its_place(tmp_path):
    path = tmp_path / "spool.db"
    spool = Spool(path, LIMIT)
    spool.put([alert(f"a{number}") for number in range(500)])
    spool.close()
    data = bytearray(path.read_bytes())
    # Pages in the middle: SQLite opens the file and stumbles over them.
    data[20 * 4096 : 24 * 4096] = os.urandom(4 * 4096)
    path.write_bytes(data)
    spool = Spool(path, LIMIT)
    assert spool.lost_files == 1
    assert list(tmp_path.glob("spool.db.corrupt-*Z"))
    assert spool.depth.alerts == spool.salvaged
    spool.put([alert("after")])
    assert "after" in ids_of_all(spool)
    spool.close()


def test_a_file_that_is_no_database_is_moved_aside(tmp_path):
    path = tmp_path / "spool.db"
    path.write_bytes(b"not a database at all" * 1000)
    spool = Spool(path, LIMIT)
    spool.put([alert("a1")])
    assert spool.lost_files == 1
    assert ids(spool.take()) == ["a1"]
    spool.close()


def test_damage_that_shows_while_running_is_survived(tmp_path, spool):
    spool.put([alert("a1")])
    spool.reopen()
    assert spool.lost_files == 1
    assert ids_of_all(spool) == {"a1"}


def test_a_file_that_cannot_be_made_anew_yet_is_made_when_it_can(tmp_path, spool, monkeypatch):
    spool.put([alert("a1")])

    def full(*_):
        raise SpoolError("database or disk is full")

    monkeypatch.setattr("console.agent.spool.spool.open_file", full)
    with pytest.raises(SpoolError, match="full"):
        spool.reopen()
    with pytest.raises(SpoolCorrupt, match="no new file"):
        spool.put([alert("a2")])
    monkeypatch.undo()
    spool.reopen()
    spool.put([alert("a2")])
    assert ids_of_all(spool) == {"a1", "a2"}


def test_names_out_of_packets_that_are_no_text_do_not_stop_the_spool(spool):
    spool.put([asset("p1", "\ud800\x00\u202e")])
    assert json.loads(spool.take().documents[0].body)["asset"]["name"] == "\ud800\x00\u202e"


def test_what_was_told_is_remembered_over_a_restart(tmp_path):
    spool = Spool(tmp_path / "spool.db", LIMIT)
    spool.put([alert("a1", count=1), alert("a2")])
    spool.settle(spool.take())
    spool.put([alert("a1", count=2)])
    spool.close()
    spool = Spool(tmp_path / "spool.db", LIMIT)
    told = [json.loads(text)["event"] for text in spool.told()]
    assert [(event["id"], event["count"]) for event in told] == [("a2", 1), ("a1", 2)]
    spool.close()


def test_kill_in_the_middle_leaves_whole_puts_only(tmp_path):
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from agent_documents import alert
        from console.agent.spool.spool import Spool
        spool = Spool(Path(sys.argv[1]), 64 << 20)
        for number in range(1_000_000):
            spool.put([alert(f"a{number}.{part}") for part in range(3)])
            print(number, flush=True)
        """
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    path = tmp_path / "spool.db"
    with subprocess.Popen(
        [sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        for _ in range(20):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        told = 20 + len(process.stdout.read().split())
    spool = Spool(path, LIMIT << 6)
    left = ids_of_all(spool)
    assert {f"a{number}.{part}" for number in range(told) for part in range(3)} <= left
    # At most one more was on its way in, and it is whole.
    assert len(left) in (3 * told, 3 * told + 3)
    assert spool.depth.alerts == len(left)
    spool.close()


FULL = """
import os, sys
from pathlib import Path
from agent_documents import alert, behaviour
from console.agent.spool.errors import SpoolError
from console.agent.spool.spool import Spool
spool = Spool(Path(sys.argv[1]) / "spool.db", 64 << 20)
spool.put([alert("before")])
with open(Path(sys.argv[1]) / "filler", "wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        pass
assert os.statvfs(sys.argv[1]).f_bavail == 0
# The reserve takes alerts on a full disk,
spool.put([alert(f"full{number}") for number in range(100)])
kept = 101
# until it is used up: that is an error, and what was in the spool stays in it.
try:
    for number in range(100_000):
        spool.put([alert(f"more{number}.{part}", note="x" * 1000) for part in range(10)])
        kept += 10
except SpoolError:
    pass
else:
    raise AssertionError("a full disk took everything")
assert spool.depth.alerts == kept, (spool.depth, kept)
sent = set()
while parcel := spool.take():
    sent |= {item.number for item in parcel.documents}
    spool.settle(parcel)
assert len(sent) == kept, (len(sent), kept)
os.unlink(Path(sys.argv[1]) / "filler")
spool.put([alert("after")])
parcel = spool.take()
assert len(parcel.documents) == 1, len(parcel.documents)
print("survived", kept)
"""


def test_a_full_disk_is_survived(tmp_path):
    mounted = f'mount -t tmpfs -o size=24m none {tmp_path} && exec {sys.executable} -c "$0" {tmp_path}'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mounted, FULL],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no file system of our own may be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("survived")


def test_growth_is_remembered_over_a_restart_though_nothing_is_sent_for_it(tmp_path):
    path = tmp_path / "spool.db"
    spool = Spool(path, LIMIT)
    spool.put([alert("a1"), alert("a2")], 1)
    spool.settle(spool.take())
    spool.put([], 2, [alert("a1", count=7), alert("a2", count=8)])
    spool.put([alert("a2", count=9)], 3)
    assert ids(spool.take()) == ["a2"]
    spool.close()
    again = Spool(path, LIMIT)
    assert [json.loads(text)["event"]["count"] for text in again.told()] == [7, 9]
    assert [json.loads(text)["event"]["id"] for text in again.grown()] == ["a1"]
    assert again.judged_ns == 3
    again.close()

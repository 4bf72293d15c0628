"""The thread between analysis and the disk: it goes on, and it counts."""

import threading
import time

from agent_documents import alert, behaviour

from console.agent.documents import Outgoing
from console.agent.inbox import Inbox
from console.agent.spool.spool import Spool
from console.agent.spool.writer import Writer


def test_a_document_that_is_no_json_costs_itself_only(tmp_path):
    inbox, spool = Inbox(), Spool(tmp_path / "spool.db", 16 << 20)
    writer = Writer(inbox, spool)
    writer.start()
    inbox.put(
        [alert("a1"), Outgoing("behaviour", {"behaviour": {"id": "b1", "seen": {1, 2}}}), behaviour("b2")]
    )
    wait_until(writer.dropped)
    inbox.put([alert("a2")])
    wait_until(lambda: spool.depth.documents == 3)
    assert {document.id for document in spool.waiting()} == {"a1", "b2", "a2"}
    assert writer.dropped() == {"behaviour.error": 1}
    writer.stop(5)


def test_drops_may_be_asked_for_while_they_are_counted(tmp_path):
    inbox, spool = Inbox(most=1), Spool(tmp_path / "spool.db", 16 << 20)
    writer = Writer(inbox, spool)
    writer.start()
    faults = []

    def ask():
        try:
            while not done.is_set():
                writer.dropped()
        except Exception as fault:
            faults.append(fault)

    done = threading.Event()
    asking = threading.Thread(target=ask)
    asking.start()
    for number in range(300):
        inbox.put([behaviour(f"b{number}"), alert(f"a{number}", "low"), alert(f"c{number}")])
        time.sleep(0.001)
    done.set()
    asking.join()
    writer.stop(5)
    assert faults == []


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)

from typing import Any

import communityid
import numpy as np
from rule_texts import rule

from rules.alerts.alert import MOST_FRAMES
from rules.alerts.collection import Alerts
from rules.documents import table_of
from rules.engine.matching import Engine
from rules.table import EVIDENCE_FRAMES, Occurrences

SECOND = 10**9
STOP: dict[str, Any] = {
    "ics.operation": "stop", "ics.kind": "request", "ics.function": "PLC Stop", "ics.malformed": False,
    "ics.select": False, "source.ip": "10.0.0.5", "source.port": 49152, "destination.ip": "10.0.0.10",
    "destination.port": 102, "network.protocol": "s7comm", "network.transport": "tcp",
    "network.vlan.id": "20",
    "baseline.learned": True, "evidence.frames": [17, 45], "@timestamp": "2026-11-22T07:39:29.123456789Z",
}  # fmt: skip


def add(alerts: Alerts, documents: list[dict[str, Any]], **changes: str) -> None:
    quiet = changes.pop("fieldwatch", "")
    table = table_of(documents)
    alerts.add(table, Engine([rule(fieldwatch=quiet, **changes)]).match(table))


def at(second: float, **fields: Any) -> dict[str, Any]:
    time = 1_800_000_000 * SECOND + int(second * SECOND)
    return {
        **STOP,
        "@timestamp": time,
        "behaviour.last_seen": time,
        "evidence.frames": [int(second) + 1],
        **fields,
    }


def occurrences(key: int, count: int, second: float, frames: list[int]) -> Occurrences:
    row = np.zeros((1, EVIDENCE_FRAMES), np.int64)
    row[0, : len(frames)] = frames
    time = np.array([1_800_000_000 * SECOND + int(second * SECOND)], np.int64)
    return Occurrences(np.array([key]), np.array([count]), time, time, row)


def keyed(documents: list[dict[str, Any]], keys: list[int], alerts: Alerts, fieldwatch: str = "") -> None:
    table = table_of(documents)
    table.occurrences.keys = np.array(keys)
    alerts.add(table, Engine([rule(fieldwatch=fieldwatch)]).match(table))


def test_document_is_what_the_contract_says() -> None:
    alerts = Alerts("plant.pcap", "sensor-1", clock=lambda: 0)
    add(alerts, [STOP])
    (document,) = alerts.take()
    assert document["@timestamp"] == "2026-11-22T07:39:29.123456789Z"
    assert document["event"] == {
        "id": document["event"]["id"], "kind": "alert", "count": 1, "severity": 73, "action": "stop",
        "start": "2026-11-22T07:39:29.123456789Z", "end": "2026-11-22T07:39:29.123456789Z",
    }  # fmt: skip
    assert document["rule"]["title_zh"] == "控制器被远程停止"
    assert document["threat"]["technique"] == {"id": ["T0858"], "name": ["Change Operating Mode"]}
    assert document["threat"]["tactic"] == {"name": ["execution"]}
    assert document["ics"] == {
        "operation": "stop",
        "kind": "request",
        "function": "PLC Stop",
        "malformed": False,
    }
    assert document["network"]["vlan"] == {"id": "20"}
    assert document["evidence"] == {"capture": "plant.pcap", "frames": [17, 45]}
    assert document["observer"] == {"name": "sensor-1"}
    assert document["message"] == "10.0.0.5 stopped 10.0.0.10"
    assert document["message_zh"] == "10.0.0.5 停止了 10.0.0.10"
    assert "baseline" not in document
    flow = communityid.FlowTuple.make_tcp("10.0.0.5", "10.0.0.10", 49152, 102)
    assert document["network"]["community_id"] == communityid.CommunityID().calc(flow)


def test_a_renumbered_technique_is_listed_under_both_ids() -> None:
    alerts = Alerts()
    add(alerts, [STOP], tags="[attack.t0855]")
    (document,) = alerts.take()
    # MITRE's crosswalk of ATT&CK for ICS 19: T0855 became T1692.001.
    assert document["threat"]["technique"]["id"] == ["T1692.001", "T0855"]
    assert document["threat"]["tactic"]["name"] == ["impair-process-control"]


def test_repeats_are_one_alert_and_other_groups_are_others() -> None:
    alerts = Alerts()
    add(alerts, [at(0), at(5), at(7, **{"destination.ip": "10.0.0.11"}), at(9)])
    first, second = alerts.take()
    assert (first["event"]["count"], second["event"]["count"]) == (3, 1)
    assert first["evidence"]["frames"] == [1, 6, 10]
    assert alerts.take() == []
    add(alerts, [at(100)])
    (grown,) = alerts.take()
    assert grown["event"]["id"] == first["event"]["id"]
    assert grown["event"]["count"] == 4
    assert grown["event"]["start"] == first["event"]["start"]


def test_a_repeat_after_the_quiet_time_is_a_new_alert() -> None:
    alerts = Alerts()
    add(alerts, [at(0), at(30), at(91)], fieldwatch="quiet: 60s")
    first, second = alerts.take()
    assert (first["event"]["count"], second["event"]["count"]) == (2, 1)
    assert first["event"]["id"] != second["event"]["id"]


def test_cutting_traffic_into_batches_changes_nothing() -> None:
    documents = [at(second) for second in (0, 5, 4000, 9000)]
    whole, parts = Alerts(clock=lambda: 0), Alerts(clock=lambda: 0)
    add(whole, documents)
    for document in documents:
        add(parts, [document])
    expected = whole.take()
    assert parts.take() == expected
    assert [document["event"]["count"] for document in expected] == [2, 1, 1]


def test_counts_grow_with_their_behaviour() -> None:
    alerts = Alerts()
    keyed([at(0), at(1)], [7, 8], alerts)
    alerts.take()
    alerts.update(occurrences(7, 11, 60, [1, 61]))
    alerts.update(occurrences(99, 500, 60, [61]))
    (document,) = alerts.take()
    assert document["event"]["count"] == 2 + 10
    assert document["evidence"]["frames"] == [1, 2, 61]
    alerts.update(occurrences(7, 11, 60, [1, 61]))
    assert alerts.take() == []
    keyed([at(0, **{"behaviour.count": 12})], [7], alerts)  # the same behaviour matched again
    assert alerts.take()[0]["event"]["count"] == 13


def test_a_key_that_is_used_again_does_not_feed_the_old_alert() -> None:
    alerts = Alerts()
    keyed([at(0), at(1)], [7, 8], alerts)
    alerts.take()
    assert alerts.watched(np.array([6, 7, 8])).tolist() == [7, 8]
    alerts.forget([7, 99])
    assert alerts.watched(np.array([6, 7, 8])).tolist() == [8]
    alerts.update(occurrences(7, 1000, 60, [61]))
    assert alerts.take() == []


def test_a_behaviour_that_resumes_after_the_quiet_time_opens_one_new_alert() -> None:
    alerts = Alerts()
    keyed([at(0), at(1)], [7, 8], alerts, "quiet: 60s")
    (old,) = alerts.take()
    alerts.update(occurrences(7, 2, 500, [1, 501]))
    alerts.update(occurrences(8, 2, 501, [2, 502]))
    (new,) = alerts.take()
    assert new["event"]["id"] != old["event"]["id"]
    assert new["event"]["count"] == 2
    assert new["evidence"]["frames"] == [501, 502]


def test_evidence_is_the_first_frames_and_the_last() -> None:
    alerts = Alerts()
    add(alerts, [at(second) for second in range(40)])
    frames = alerts.take()[0]["evidence"]["frames"]
    assert frames == [*range(1, MOST_FRAMES), 40]


def test_frames_of_another_capture_are_not_mixed_in() -> None:
    alerts = Alerts("a.pcap")
    add(alerts, [at(0)])
    alerts.capture = "b.pcap"
    add(alerts, [at(10)])
    (document,) = alerts.take()
    assert document["evidence"] == {"capture": "a.pcap", "frames": [1]}
    assert document["event"]["count"] == 2


def test_ends_without_ip_are_told_apart_by_mac() -> None:
    alerts = Alerts()
    frame = {"ics.operation": "stop", "destination.mac": "01:0e:cf:00:00:00"}
    add(alerts, [{**frame, "source.mac": "00:00:00:00:00:01"}, {**frame, "source.mac": "00:00:00:00:00:02"}])
    messages = sorted(document["message"] for document in alerts.take())
    assert messages[1] == "00:00:00:00:00:02 stopped 01:0e:cf:00:00:00"
    assert len(messages) == 2


def test_all_state_is_bounded_and_losses_are_counted() -> None:
    alerts = Alerts(most_open=10, most_links=15, most_new=8)
    for batch in range(10):
        keyed(
            [at(n, **{"source.ip": f"10.{batch}.0.{n}"}) for n in range(10)],
            list(range(batch * 10, batch * 10 + 10)),
            alerts,
        )
    assert alerts.losses == {
        "alerts_evicted": 70, "links_evicted": 65, "alerts_refused": 20, "alerts_not_taken": 60,
    }  # fmt: skip
    assert len(alerts.take()) == 20


def test_hostile_names_do_not_break_a_message() -> None:
    alerts = Alerts()
    add(alerts, [{**STOP, "source.ip": "x\n{destination.ip}\x1b[31m" + "y" * 500}])
    message = alerts.take()[0]["message"]
    assert "\n" not in message
    assert "\x1b" not in message
    assert "{destination.ip}" in message
    assert len(message) < 300

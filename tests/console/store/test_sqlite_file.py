"""The SQLite file itself: damage, strangers, versions, a second process's view."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest
from plant_documents import alert

from console.store import open_store
from console.store.errors import StoreError, StoreTooNew, StoreUnreadable
from console.store.filters import AlertFilter, BehaviourFilter, PageRequest
from console.store.sqlite import connection
from console.store.sqlite.connection import migrations, statements
from console.store.sqlite.store import SqliteStore


def test_a_store_opens_again_with_all_it_held(tmp_path: Path) -> None:
    store = open_store(tmp_path / "a.db")
    store.ingest("s1", 1, [alert()])
    store.close()
    store.close()
    again = open_store(str(tmp_path / "a.db"))
    assert again.alert("e1").level == "high"
    assert again.ingest("s1", 1, [alert()]).duplicate
    again.close()


def test_two_processes_see_each_others_changes(tmp_path: Path) -> None:
    one, other = open_store(tmp_path / "a.db"), open_store(tmp_path / "a.db")
    before = other.revision()
    one.ingest("s1", 1, [alert()])
    assert other.revision() > before
    assert other.alert("e1").id == "e1"
    other.close_alerts(["e1"], "resolved", "anna")
    assert one.alert("e1").status == "closed"
    one.close()
    other.close()


def test_a_newer_store_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    open_store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(StoreTooNew, match=r"newer Fieldwatch .schema 999"):
        open_store(path)


@pytest.mark.parametrize(
    "content", [b"x", b"\x00" * 4096, b"SQLite format 3\0" + b"\xff" * 5000, b"PK\x03\x04" * 99]
)
def test_a_file_that_is_no_store_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    with pytest.raises(StoreUnreadable, match=r"a\.db"):
        open_store(path)
    assert path.read_bytes() == content


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = open_store(path)
    store.ingest("s1", 1, [alert(f"e{index}") for index in range(300)])
    store.close()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StoreUnreadable, match="damaged"):
        open_store(path)


def test_damage_met_while_reading_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = open_store(path)
    store.ingest("s1", 1, [alert(f"e{index}") for index in range(2000)])
    store.close()
    content = bytearray(path.read_bytes())
    content[8 * 4096 :] = b"\xee" * (len(content) - 8 * 4096)
    path.write_bytes(bytes(content))
    with pytest.raises(StoreError, match=r"a\.db"):
        open_store(path).alerts(AlertFilter(text="stopped"), PageRequest())


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(StoreUnreadable, match="not a Fieldwatch store"):
        open_store(path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        open_store(tmp_path / "no" / "a.db")
    with pytest.raises(StoreError, match="SQLite"):
        open_store("postgres://somewhere")


def test_migrations_are_numbered_and_split_into_statements() -> None:
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))
    assert list(statements("CREATE TABLE a (b);\n-- c;\nINSERT INTO a VALUES (';');\n")) == [
        "CREATE TABLE a (b);\n",
        "-- c;\nINSERT INTO a VALUES (';');\n",
    ]
    with pytest.raises(ValueError, match="middle"):
        list(statements("CREATE TABLE a (b"))


def test_a_store_of_the_first_version_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.db"
    pcap = b"\xd4\xc3\xb2\xa1" + bytes(20)
    every = connection.migrations()
    monkeypatch.setattr(connection, "migrations", lambda: every[:1])
    old = connection.Connections(path)
    with old.write() as writer:
        writer.execute("INSERT INTO sensor (name, site, registered, created) VALUES ('s1', 'north', 1, 5)")
        writer.execute("INSERT INTO evidence VALUES (7, ?, ?)", (len(pcap), pcap))
    old.close()
    monkeypatch.undo()
    store = SqliteStore(path)
    assert [(sensor.name, sensor.site, sensor.state) for sensor in store.sensors()] == [("s1", "north", None)]
    assert store.newest_version("") is None
    assert store.enrolments() == []
    store.heartbeat("s1", {})
    assert store.sensors()[0].last_seen is not None
    store.close()


def test_a_store_of_the_second_schema_has_its_flows_summed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    before = sqlite3.connect(path)
    for _, script in migrations()[:2]:
        before.executescript(script)
    before.execute("PRAGMA user_version = 2")
    before.execute(f"PRAGMA application_id = {connection.APPLICATION_ID}")
    before.executemany(
        "INSERT INTO flow VALUES (?, ?, 'modbus', ?, ?, ?, ?)",
        [
            ("10.0.0.1", "10.0.0.2", "read", 2, 5, 1),
            ("10.0.0.1", "10.0.0.2", "write", 1, 2, 9),
            ("10.0.0.1", "10.0.0.3", "read", 1, 2**62, 1),
            ("10.0.0.1", "10.0.0.3", "write", 1, 2**62, 1),
        ],
    )
    before.commit()
    before.close()
    store = open_store(path)
    flows = store.flows(BehaviourFilter())
    assert [(f.destination, f.behaviours, f.messages, f.operations) for f in flows] == [
        ("10.0.0.3", 2, 2**53, {"read": 1, "write": 1}),
        ("10.0.0.2", 3, 7, {"read": 2, "write": 1}),
    ]
    store.close()


def test_threads_that_come_and_go_leave_no_file_open(tmp_path: Path) -> None:
    store = open_store(tmp_path / "a.db")
    store.revision()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        threads = [threading.Thread(target=store.revision) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(os.listdir("/proc/self/fd")) < before + 20
    store.close()
    assert not [link for link in open_files() if link.startswith(str(tmp_path))]


def open_files() -> list[str]:
    found = []
    for handle in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{handle}"))
        except OSError:
            continue  # the listing's own handle
    return found


def test_a_reader_in_use_outlives_the_closing_of_its_store(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "a.db")
    with store.connections.read() as reader:
        store.close()
        assert reader.execute("SELECT revision FROM state").fetchone()[0] >= 0
    assert not [link for link in open_files() if link.startswith(str(tmp_path))]


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = open_store(tmp_path / "a.db")
    store.close()
    with pytest.raises(StoreError, match=r"a\.db: the store is closed"):
        store.revision()
    with pytest.raises(StoreError, match=r"a\.db: the store is closed"):
        store.ingest("s1", 1, [alert()])

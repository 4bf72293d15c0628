"""`fieldwatch decode` on bad input: one clear sentence, the right exit code, nothing half-written."""

from __future__ import annotations

import errno
import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
import typer
from captures import enhanced, interface, pcap_header, pcap_record, section
from traffic import segment
from typer.testing import CliRunner, Result

from console.commands.decode import decode

READ_REQUEST = bytes.fromhex("0001 0000 0006 01 03 0064 0002")
FRAMES = [segment(b"", 0, flags="S"), segment(READ_REQUEST, 1), segment(READ_REQUEST, 13)]
SOUND = pcap_header() + b"".join(pcap_record(frame) for frame in FRAMES)


def run(*arguments: object) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(decode)
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def functions(lines: str) -> list[Any]:
    return [json.loads(line)["ics"]["function_code"] for line in lines.splitlines()]


def test_a_sound_capture_says_nothing_on_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "sound.pcap"
    path.write_bytes(SOUND)
    result = run(path)
    assert (result.exit_code, functions(result.stdout), result.stderr) == (0, [3, 3], "")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"# Not a capture\n", "not a capture file (it starts with 23 20 4e 6f"),
        (b"\xd4\xc3\xb2\xa1", "cut inside the pcap file header (4 of 24 bytes)"),
        (gzip.compress(b"text"), "not a capture file (it starts with 74 65 78 74"),
        (b"\x1f\x8b\x08garbage", "the compressed data"),
    ],
    ids=["empty", "text", "header only", "compressed text", "broken gzip"],
)
@pytest.mark.parametrize("to_file", [False, True])
def test_what_is_no_capture(tmp_path: Path, content: bytes, says: str, to_file: bool) -> None:
    path, out = tmp_path / "input.pcap", tmp_path / "out.jsonl"
    path.write_bytes(content)
    result = run(path, *(["--out", out] if to_file else []))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"fieldwatch: {path}: ")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) in ([path], [path, out])
    assert not out.exists() or out.read_text() == ""


def test_a_directory_and_a_missing_file(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"fieldwatch: {tmp_path}: a directory, not a capture file\n"
    result = run(tmp_path / "absent.pcap")
    assert (result.exit_code, result.stderr) == (1, f"fieldwatch: {tmp_path}/absent.pcap: no such file\n")


def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.pcap"
    path.write_bytes(SOUND)
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o555)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        result = run(path)
    finally:
        os.seteuid(user)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"fieldwatch: {path}: no permission to read it\n"


@pytest.mark.parametrize("cut", [1, 20, 70])
def test_a_capture_cut_in_the_middle_is_read_as_far_as_it_goes(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(SOUND[:-cut])
    result = run(path)
    assert (result.exit_code, functions(result.stdout)) == (0, [3])
    assert result.stderr == (
        f"fieldwatch: {path}: cut off in the middle of a record at byte {len(SOUND) - cut}, behind packet 2\n"
    )


@pytest.mark.parametrize("to_file", [False, True])
def test_damage_in_the_middle_still_reports_what_stands_before_it(tmp_path: Path, to_file: bool) -> None:
    path, out = tmp_path / "damaged.pcap", tmp_path / "out.jsonl"
    path.write_bytes(SOUND + b"\xff" * 400)
    result = run(path, *(["--out", out] if to_file else []))
    assert result.exit_code == 1
    assert functions(out.read_text() if to_file else result.stdout) == [3, 3]
    assert result.stderr == (
        f"fieldwatch: {path}: damaged at byte {len(SOUND)}, behind packet 3: a packet of impossible length\n"
    )
    assert len(list(tmp_path.iterdir())) == 1 + to_file


def test_an_unknown_link_type_is_named_with_the_number_of_packets(tmp_path: Path) -> None:
    path = tmp_path / "radio.pcap"
    path.write_bytes(pcap_header(link=105) + pcap_record(bytes(60)) * 5)
    result = run(path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        f"fieldwatch: {path}: link type 105 (IEEE802_11) is not known: 5 packets were not understood\n"
    )


def test_unknown_link_types_beside_a_known_one(tmp_path: Path) -> None:
    path = tmp_path / "mixed.pcapng"
    blocks = [section(), interface(1), interface(999), interface(150)]
    blocks += [enhanced(frame) for frame in FRAMES]
    blocks += [enhanced(b"?" * 60, index=1)] * 2 + [enhanced(b"?" * 60, index=2)]
    path.write_bytes(b"".join(blocks))
    result = run(path)
    assert (result.exit_code, functions(result.stdout)) == (0, [3, 3])
    assert result.stderr.splitlines() == [
        f"fieldwatch: {path}: link type 150 (USER3) is not known: 1 packets were not understood",
        f"fieldwatch: {path}: link type 999 is not known: 2 packets were not understood",
    ]


def test_usage(tmp_path: Path) -> None:
    path = tmp_path / "sound.pcap"
    path.write_bytes(SOUND)
    for arguments in ([], [path, "--no-such-option"], [path, "-p", "klingon"], [path, "-f", "parquet"]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "sound.pcap"
    path.write_bytes(SOUND)
    out = tmp_path / "absent" / "out.jsonl"
    result = run(path, "--out", out)
    assert result.exit_code == 1
    assert result.stderr == f"fieldwatch: {out}: cannot be written: {os.strerror(errno.ENOENT)}\n"

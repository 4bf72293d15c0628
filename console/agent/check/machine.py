"""The machine a sensor runs on: permission, clock, disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from console.agent import privileges, process
from console.agent.check.finding import Finding, advice, bad, good
from console.agent.plan import own_plan
from console.agent.settings import SensorSettings, SettingsError

ROOM = 64 << 20


def check_permission() -> Iterator[Finding]:
    """May packets be captured?"""
    if privileges.may_capture():
        yield good("permission: packets may be captured")
    else:
        yield bad(
            "permission: this process may not capture packets (CAP_NET_RAW)",
            "run it by the systemd unit (`fieldwatch sensor unit`), or as root: sudo fieldwatch sensor check",
        )


def check_clock() -> Iterator[Finding]:
    """Is the clock kept in step?"""
    synchronised = process.clock_synchronised()
    if synchronised is None:
        yield advice("clock: cannot be told whether it is kept in step", "look at `timedatectl`")
    elif synchronised:
        yield good("clock: is kept in step")
    else:
        yield advice(
            "clock: nothing keeps it in step; times in alerts will be wrong one day",
            "install chrony or systemd-timesyncd and name the plant's time server",
        )


def check_disk(settings: SensorSettings) -> Iterator[Finding]:
    """Is there room for the spool and the packets?"""
    folder = settings.state
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        yield bad(
            f"disk: {folder} cannot be written to",
            "run the check as the user that the sensor runs as, or name another folder with --state",
        )
        return
    wanted = settings.spool.megabytes << 20
    if settings.evidence.enabled:
        wanted += (settings.evidence.megabytes << 20) * 9 // 8
    used = sum(path.stat().st_size for path in settings.state.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if free + used < wanted + ROOM:
        yield bad(
            f"disk: {free >> 20} MiB are free in {folder}, {(wanted - used) >> 20} MiB may be needed",
            "free some, or lower spool.megabytes and evidence.megabytes in the settings",
        )
    else:
        yield good(f"disk: {free >> 20} MiB are free in {folder}")


def check_files(settings: SensorSettings) -> Iterator[Finding]:
    """Can rules, site and baseline be read?"""
    try:
        plan = own_plan(settings)
    except SettingsError as error:
        yield bad(f"files: {error}", "correct what it names")
    else:
        yield good(f"files: {len(plan.rules)} rules can be used")

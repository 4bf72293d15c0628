"""Gives up what the sensor does not need once its sockets are open. Linux only."""

from __future__ import annotations

import ctypes
import grp
import os
import pwd
from pathlib import Path

CAP_NET_RAW = 13
_PR_SET_KEEPCAPS, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 8, 38, 47
_PR_CAPBSET_DROP = 24
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_LINUX_CAPABILITY_VERSION_3 = 0x20080522


class PrivilegeError(Exception):
    """Privileges could not be given up; the message says which."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def drop(user: str | None, keep_raw: bool, folders: tuple[Path, ...] = ()) -> None:
    """Become `user` where this process is root, keep CAP_NET_RAW or nothing, and never gain any again.

    `folders` are handed to the user first. To be called before threads are started: capabilities
    belong to a thread. Raises PrivilegeError.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if user is not None and os.geteuid() == 0:
        _become(library, user, folders)
    _set_capabilities(library, keep_raw)
    _call(library, "prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _become(library: ctypes.CDLL, user: str, folders: tuple[Path, ...]) -> None:
    try:
        entry = pwd.getpwnam(user)
    except KeyError as error:
        raise PrivilegeError(
            f"there is no user {user}: make one with `adduser --system --group {user}`"
        ) from error
    try:
        for folder in folders:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)
        _call(library, "prctl", _PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([group.gr_gid for group in grp.getgrall() if user in group.gr_mem])
        os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    except OSError as error:
        raise PrivilegeError(f"cannot become {user}: {error.strerror}") from error


def _set_capabilities(library: ctypes.CDLL, keep_raw: bool) -> None:
    library.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    held = capabilities()["CapPrm"]
    for number in range(64):
        # Needs CAP_SETPCAP, which goes with the rest below; what cannot be had cannot be lost.
        library.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    mask = held & (1 << CAP_NET_RAW) if keep_raw else 0
    header = _Header(_LINUX_CAPABILITY_VERSION_3, 0)
    data = (_Data * 2)(_Data(mask & 0xFFFFFFFF, mask & 0xFFFFFFFF, 0), _Data(0, 0, 0))
    _call(library, "capset", ctypes.byref(header), ctypes.byref(data))


def _call(library: ctypes.CDLL, name: str, *arguments: object) -> None:
    if getattr(library, name)(*arguments) != 0:
        raise PrivilegeError(f"{name}: {os.strerror(ctypes.get_errno())}")


def capabilities(pid: str = "self") -> dict[str, int]:
    """CapEff, CapPrm, CapInh, CapBnd, CapAmb as bit masks, and NoNewPrivs, of a process."""
    wanted = ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")
    found = dict.fromkeys((*wanted, "NoNewPrivs"), 0)
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in wanted:
            found[name] = int(value, 16)
        elif name == "NoNewPrivs":
            found[name] = int(value)
    return found


def may_capture() -> bool:
    """Whether this process may open packet sockets."""
    return bool(capabilities()["CapEff"] >> CAP_NET_RAW & 1)

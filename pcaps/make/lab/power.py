"""Machines that are switched off and on, and cards that are unplugged, while the recording goes on."""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
import subprocess

from lab.network import Context, Program

_PR_SET_PDEATHSIG = 1
_FORK = multiprocessing.get_context("fork")


def run_until(context: Context, program: Program, seconds: float) -> None:
    """Run a program until so many seconds after the start, and end it as a machine ends that loses power.

    Its connections are closed by the kernel, with what the stack sends then.
    """
    process = _FORK.Process(target=_dependent, args=(context, program))
    process.start()
    context.wait_until(seconds)
    process.kill()
    process.join()


def _dependent(context: Context, program: Program) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    program(context)


def unplug() -> None:
    """Take this host's card off the network."""
    subprocess.run(["ip", "link", "set", "eth0", "down"], check=True)


def plug_in(via: str = "") -> None:
    """Put this host's card on the network."""
    subprocess.run(["ip", "link", "set", "eth0", "up"], check=True)
    default = ["via", via] if via else ["dev", "eth0"]
    subprocess.run(["ip", "route", "replace", "default", *default], check=True)

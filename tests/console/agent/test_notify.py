import os
import socket

from console.agent.notify import Notifier


def test_the_watchdog_is_fed_at_half_its_time_and_only_when_asked(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000"}
        notifier = Notifier({**environment, "WATCHDOG_PID": str(os.getpid())})
        notifier.tell("READY=1\nSTATUS=Capturing")
        notifier.alive()
        notifier.alive()
        assert manager.recv(1000) == b"READY=1\nSTATUS=Capturing"
        assert manager.recv(1000) == b"WATCHDOG=1"
        manager.settimeout(0.01)
        notifier.alive()
        try:
            said = manager.recv(1000)
        except TimeoutError:
            said = b""
        assert said == b""


def test_an_abstract_socket_and_another_process_watchdog():
    name = f"fieldwatch-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(1)
        notifier = Notifier({"NOTIFY_SOCKET": f"@{name}", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"})
        notifier.alive()
        notifier.tell("STOPPING=1")
        assert manager.recv(1000) == b"STOPPING=1"


def test_nobody_listening_is_no_fault(tmp_path):
    Notifier({}).tell("READY=1")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1"}).alive()

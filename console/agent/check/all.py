"""Everything that `fieldwatch sensor check` looks at."""

from __future__ import annotations

from collections.abc import Iterator

from console.agent.check.console import check_console
from console.agent.check.finding import Finding, bad
from console.agent.check.interface import check_interface
from console.agent.check.machine import check_clock, check_disk, check_files, check_permission
from console.agent.check.mirror import check_mirror
from console.agent.settings import SensorSettings


def check_all(settings: SensorSettings, seconds: float) -> Iterator[Finding]:
    """The findings, one after the other; listening takes `seconds` for each interface."""
    permission = list(check_permission())
    yield from permission
    if not settings.interfaces:
        yield bad("interface: none is named", "say -i NAME, or `interfaces: [NAME]` in the settings")
    for name in settings.interfaces:
        findings = list(check_interface(name))
        yield from findings
        usable = not any(finding.grade == "bad" for finding in (*permission, *findings))
        if usable and seconds > 0:
            yield from check_mirror(name, seconds)
    yield from check_clock()
    yield from check_disk(settings)
    yield from check_files(settings)
    yield from check_console(settings)

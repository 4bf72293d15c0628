from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.site.model import Site
from rules.site.reading import SiteError, load_site, site_of_text

FILE = Path("site.yaml")
SITE = """\
site: Pumping station 7
zones:
- name: control
  networks: [10.0.1.0/24, "fd00:1::/64"]
  purdue_level: 1
  criticality: 1.5
- name: safety
  networks: [10.0.1.64/26]
  purdue_level: 1
- name: field bus
  vlans: [20]
  macs: ["28:63:36:AA:BB:CC"]
- name: public numbers of ours
  networks: [130.1.0.0/16]
assets:
- ip: 10.0.1.10
  name: Pump PLC
  role: plc
  criticality: 2
- mac: 00-1b-1b-aa-bb-cc
  name: Switch
- ip: 10.0.1.66
  authorised: false
schedule:
  time_zone: Asia/Shanghai
  working_hours:
  - {days: [mon, tue], from: "08:00", to: "18:00"}
  - {days: [sun], from: "22:00", to: "06:00"}
  maintenance:
  - {from: "2026-12-01T08:00:00", to: "2026-12-01T12:00:00+08:00", name: Valve overhaul}
"""


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


def test_what_a_site_file_says() -> None:
    site = site_of_text(SITE, FILE)
    assert site.name == "Pumping station 7"
    assert [site.zone_name(ip) for ip in ("10.0.1.10", "10.0.1.70", "fd00:1::5", "10.9.9.9", "8.8.8.8")] == [
        "control",
        "safety",
        "control",
        "",
        "internet",
    ]
    assert site.zone_name("", "28:63:36:aa:bb:cc") == site.zone_name("192.168.9.9", vlan=20) == "field bus"
    assert site.is_internal("130.1.2.3")
    assert not site.is_internal("130.2.2.3")
    plc, switch = site.asset("10.0.1.10"), site.asset("", "00:1b:1b:aa:bb:cc")
    assert plc is not None
    assert (plc.name, plc.role, plc.criticality, plc.authorised) == ("Pump PLC", "plc", 2.0, True)
    assert switch is not None
    assert switch.name == "Switch"
    assert site.asset("10.0.1.11") is None


def test_hours_are_those_of_the_site() -> None:
    site = site_of_text(SITE, FILE)
    # 2026-11-23 is a Monday.
    times = {
        "2026-11-23T07:59:59+08:00": False,
        "2026-11-23T08:00:00+08:00": True,
        "2026-11-24T17:59:59+08:00": True,
        "2026-11-24T10:00:00+00:00": False,
        "2026-11-25T12:00:00+08:00": False,
        "2026-11-22T23:30:00+08:00": True,
        "2026-11-23T05:59:00+08:00": True,
        "2026-11-23T06:00:00+08:00": False,
    }
    working = site.is_working_time(np.array([at(text) for text in times], np.int64))
    assert working is not None
    assert working.tolist() == list(times.values())
    window = ("2026-12-01T07:59:59+08:00", "2026-12-01T08:00:00+08:00", "2026-12-01T12:00:00+08:00")
    inside = site.is_maintenance(np.array([at(text) for text in window], np.int64))
    assert inside is not None
    assert inside.tolist() == [False, True, False]


def test_a_site_that_nobody_describes() -> None:
    site = Site()
    assert site.zone_name("10.0.1.10", purdue_level=1.0) == "control 10.0.1.0/24"
    assert site.zone_name("10.0.1.10") == "10.0.1.0/24"
    assert site.zone_name("fd00:1::5") == "fd00:1::/64"
    assert site.zone_name("1.1.1.1") == "internet"
    assert site.zone_name("", "28:63:36:aa:bb:cc") == ""
    assert site.is_working_time(np.zeros(1, np.int64)) is None
    assert site.is_internal("10.0.1.10")
    assert site.is_internal("28:63:36:aa:bb:cc")
    assert not site.is_internal("1.1.1.1")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "begins with `site:`"),
        ("- a", 1, "a map"),
        ("zones: []", 1, "'site' is missing"),
        ("site: x\nzone: []", 2, "did you mean 'zones'"),
        ("site: x\nzones:\n- name: a\n  networks: [10.0.0.5/24]", 4, "did you mean 10.0.0.0/24"),
        ("site: x\nzones:\n- name: a\n  networks: [ten]", 4, "not a network"),
        ("site: x\nzones:\n- name: a", 3, "nothing would ever belong"),
        ("site: x\nzones:\n- {name: a, vlans: [1]}\n- {name: a, vlans: [2]}", 4, "first in line 3"),
        ("site: x\nzones:\n- {name: a, vlans: [1], purdue_level: 7}", 3, "no Purdue level"),
        ("site: x\nzones:\n- {name: a, vlans: [1], purdue_level: [1]}", 3, "no Purdue level"),
        ("site: x\nassets:\n- {ip: 10.0.0.1, criticality: 3}", 3, "one of 0.5, 1, 1.5, 2"),
        ("site: x\nassets:\n- {ip: 10.0.0.1, role: pcl}", 3, "did you mean 'plc'"),
        ("site: x\nassets:\n- name: PLC", 3, "needs an ip or a mac"),
        ("site: x\nassets:\n- {mac: 11-22}", 3, "not a MAC address"),
        ("site: x\nassets:\n- {ip: 10.0.0.0/8}", 3, "a whole network is a zone"),
        ("site: x\nassets: 5", 2, "must be a list"),
        ("site: x\nschedule:\n  time_zone: Asia/Shanghay", 3, "did you mean 'Asia/Shanghai'"),
        ('site: x\nschedule:\n  working_hours:\n  - {from: "8", to: "18:00"}', 4, "time of day"),
        ('site: x\nschedule:\n  maintenance:\n  - {from: "now", to: "2026-12-01"}', 4, "no time"),
        ("site: x\nsite: y", 2, "second time"),
        ("site: x\nassets_complete: all", 2, "true or false"),
        ("site: x\nassets: []\nassets_complete: true", 3, "no asset is listed"),
        ("site: x\nzones:\n- {name: a, vlans: [1], assets_complete: 1}", 3, "true or false"),
        ("site: [", 2, "not valid YAML"),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, line: int, says: str) -> None:
    with pytest.raises(SiteError) as raised:
        site_of_text(text, FILE)
    problem = raised.value.problems[0]
    assert (problem.path, problem.line, problem.check) == (FILE, line, "site")
    assert says in problem.text


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SiteError) as raised:
        site_of_text("site: x\nzones:\n- {nam: a, vlans: [0]}\nassets:\n- {ip: x}", FILE)
    assert len(raised.value.problems) == 4


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="No such file"):
        load_site(tmp_path / "none.yaml")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["site", "zones", "name", "networks", "ip", "from", "to", "days", "schedule", "assets"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(VALUES, VALUES, VALUES)
def test_any_yaml_is_read_or_refused(zones: object, assets: object, hours: object) -> None:
    import json

    text = json.dumps(
        {
            "site": "x",
            "zones": [zones, {"name": zones, "networks": assets, "purdue_level": hours}],
            "assets": [assets, {"ip": hours, "role": zones, "criticality": assets}],
            "schedule": {"time_zone": zones, "working_hours": [hours], "maintenance": [assets, hours]},
        }
    )
    with pytest.raises(SiteError):
        site_of_text(text, FILE)

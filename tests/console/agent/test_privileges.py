import json
import os
import subprocess
import sys

import pytest
from live_console import ROOT

from console.agent.privileges import CAP_NET_RAW, PrivilegeError, drop

SCRIPT = """
import json, os, sys
from pathlib import Path
from console.agent.privileges import capabilities, drop
folder = Path(sys.argv[1])
drop(sys.argv[2] or None, sys.argv[3] == "keep", (folder,))
try:
    os.setuid(0)
    regained = True
except PermissionError:
    regained = False
(folder / "mine").write_text("x")
print(json.dumps({**capabilities(), "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
                  "regained": regained}))
"""
NOBODY = 65534


def dropped(folder, user, keep):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, folder, user, keep],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("keep", "left"), [("", 0), ("keep", 1 << CAP_NET_RAW)])
def test_root_becomes_the_user_and_keeps_at_most_raw_sockets(tmp_path, keep, left):
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == 0 and str(parent).startswith("/tmp/"):
            os.chmod(parent, parent.stat().st_mode | 0o011)
    found = dropped(tmp_path, "nobody", keep)
    assert (found["uid"], found["gid"]) == (NOBODY, NOBODY)
    assert 0 not in found["groups"]
    assert not found["regained"]
    assert found["NoNewPrivs"] == 1
    assert (found["CapEff"], found["CapPrm"], found["CapInh"], found["CapAmb"]) == (left, left, 0, 0)


def test_without_a_user_all_capabilities_go_all_the_same(tmp_path):
    found = dropped(tmp_path, "", "")
    assert found["uid"] == os.getuid()
    assert found["NoNewPrivs"] == 1
    assert found["CapEff"] == found["CapPrm"] == found["CapAmb"] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_that_does_not_exist_is_named():
    with pytest.raises(PrivilegeError, match="no user fieldwatch-nobody-has-this"):
        drop("fieldwatch-nobody-has-this", keep_raw=False)

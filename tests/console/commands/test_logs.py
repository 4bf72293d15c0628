import json

import pytest
import structlog

from console.commands.logs import log_as_json, log_lines


@pytest.mark.parametrize("log", [log_lines, log_as_json])
def test_a_fault_is_logged_with_its_place_and_without_values(capsys, log):
    log()
    try:
        token = "very-secret"
        try:
            raise RuntimeError("a fault")
        except RuntimeError:
            structlog.get_logger().exception("part.fault", part="telling")
        said = capsys.readouterr().err
    finally:
        structlog.reset_defaults()
    assert "a fault" in said
    assert "test_logs.py" in said
    assert token not in said.replace('token = "very-secret"', "")
    if log is log_as_json:
        assert json.loads(said)["event"] == "part.fault"

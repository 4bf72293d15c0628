from pathlib import Path

import pytest

from console.agent.accepted import decisions_of, with_decisions
from console.agent.bundle import BundleRefused, canonical, digest_of, read_bundle
from console.agent.plan import keep_bundle, kept_bundle, own_plan, sent_plan
from console.agent.settings import SensorSettings
from rules.baseline.entries import Entry
from rules.baseline.reading import baseline_of_text
from rules.rule import Correlation

BASELINE = """\
fieldwatch_baseline: 2
assets: [10.0.0.5, 10.0.0.10]
conversations:
- client: 10.0.0.5
  server: 10.0.0.10
  service: modbus tcp/502
  operations: {read: {}}
"""
ACCEPTED = {
    "id": Entry(asset="10.0.0.9").id,
    "decision": "accept",
    "by": "kim",
    "at": "2026-11-22T07:00:00Z",
    "reason": "new panel",
    "entry": {"what": "asset", "address": "10.0.0.9"},
    "allowance": 7,
}


def bundle(**content):
    return {"version": 4, "digest": digest_of(content), "content": content}


def plan_of(tmp_path, **content):
    settings = SensorSettings(state=tmp_path, shipped_rules=False)
    return sent_plan(read_bundle(bundle(**content)), settings, own_plan(settings))


def test_a_decision_is_taken_on_and_given_up_again():
    baseline = baseline_of_text(BASELINE, Path("baseline"))
    decisions = decisions_of([ACCEPTED])
    changed = with_decisions(baseline, (), decisions)
    assert [item.entry.asset for item in changed.decisions.values()] == ["10.0.0.9"]
    assert baseline.decisions == {}
    assert with_decisions(changed, decisions, ()).decisions == {}


def test_the_digest_is_over_one_spelling():
    assert canonical({"b": "é", "a": [1, None]}) == '{"a":[1,null],"b":"é"}'.encode()
    content = {"rules": {}, "site": None}
    assert read_bundle({"version": 1, "digest": digest_of(content), "content": content}).version == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"version": 1}, "no content"),
        ({"version": 1, "digest": "sha256:" + "0" * 64, "content": {}}, "digest"),
        (bundle(rules={"../up.yaml": ""}), "not a path inside"),
        (bundle(rules={"/etc/x.yaml": ""}), "not a path inside"),
        (bundle(rules={"a.txt": ""}), "end in .yaml"),
        (bundle(rules={"a.yaml": "x" * 300_000}), "at most"),
        (bundle(evidence_level="loud"), "evidence_level"),
        ({**bundle(), "version": "4"}, "version"),
        ([], "not a bundle"),
    ],
)
def test_a_bundle_that_is_none_is_refused_with_the_reason(wrong, said):
    with pytest.raises(BundleRefused, match=said):
        read_bundle(wrong)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"rules": {"plant/a.yaml": "title: x"}}, "rules/plant/a.yaml"),
        ({"site": "zones: 3"}, "site"),
        ({"baseline": "fieldwatch_baseline: 99"}, "baseline"),
        ({"suppressions": "suppressions: [{}]"}, "suppressions"),
        ({"accepted": [{**ACCEPTED, "entry": {"what": "nothing"}}]}, "accepted 1"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_place(tmp_path, content, said):
    with pytest.raises(BundleRefused, match=said):
        plan_of(tmp_path, shipped_rules=False, **content)


def test_disabled_rules_take_their_correlations_with_them(tmp_path):
    everything = plan_of(tmp_path, shipped_rules=True).rules
    correlation = next(rule for rule in everything if isinstance(rule, Correlation))
    left = plan_of(tmp_path, shipped_rules=True, disabled=[correlation.rules[0]]).rules
    gone = {rule.id for rule in everything} - {rule.id for rule in left}
    assert {correlation.rules[0], correlation.id} <= gone


def test_what_runs_is_kept_and_a_damaged_copy_is_fetched_again(tmp_path):
    plan_of(tmp_path, shipped_rules=False)
    answer = bundle(shipped_rules=False)
    keep_bundle(answer, read_bundle(answer), tmp_path)
    assert kept_bundle(tmp_path).version == 4
    (tmp_path / "configuration.json").write_text('{"version": 4}')
    assert kept_bundle(tmp_path) is None

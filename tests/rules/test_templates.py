import pytest

from rules.templates import placeholders, render, shown


def test_placeholders_and_alternatives() -> None:
    assert placeholders("{a.b} and {c|d.e} {{plain}}") == ["a.b", "c", "d.e"]


@pytest.mark.parametrize("template", ["{a", "a}", "{}", "{a|}", "{{a}"])
def test_broken_templates(template: str) -> None:
    with pytest.raises(ValueError, match="brace"):
        placeholders(template)


def test_render() -> None:
    fields = {"a": 502.0, "b": ["x", "y"], "c": "line\nbreak"}
    assert render("{a} {b} {c} {{x}}", fields.get) == "502 x, y line break {x}"
    assert render("{no|a}", fields.get) == "502"
    assert render("{no}", fields.get) == "unknown"
    assert render("{no}", fields.get, "zh") == "未知"


def test_chinese_sets_off_what_is_not_chinese() -> None:
    template = "{source.ip} 对 {destination.name} 执行了 {ics.operation}（{ics.object}）"
    fields = {"source.ip": "10.0.0.5", "destination.name": "水泵", "ics.operation": "write"}
    assert render(template, fields.get, "zh") == "10.0.0.5 对水泵执行了写入"
    assert render("({a} {b})", {"a": "x", "b": "y"}.get, "zh") == "(x y)"


def test_values_are_never_templates() -> None:
    assert render("{a}", {"a": "{b}", "b": "secret"}.get) == "{b}"


def test_long_values_are_cut() -> None:
    assert len(shown("x" * 1000)) == 200


@pytest.mark.parametrize(
    ("fields", "shown_as"),
    [
        ({"ics.object": "coil 3", "ics.status": "ok"}, "a did it (coil 3 ok)"),
        ({"ics.object": "coil 3"}, "a did it (coil 3)"),
        ({}, "a did it"),
    ],
)
def test_parentheses_leave_out_what_is_absent(fields: dict[str, str], shown_as: str) -> None:
    template = "{source.ip} did it ({ics.object} {ics.status})"
    assert render(template, {"source.ip": "a", **fields}.get) == shown_as


def test_a_value_in_parentheses_is_not_taken_for_a_template() -> None:
    assert render("x ({ics.object})", {"ics.object": "(a) {b}"}.get) == "x ((a) {b})"
    assert render("{source.ip}（{ics.object}）", {"source.ip": "a"}.get, "zh") == "a"

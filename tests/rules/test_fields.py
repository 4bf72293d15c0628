from rules.fields import CORE, FIELDS, fields_of, markdown
from sensor.messages import FLAG_NAMES, Operation
from sensor.protocols.registry import PROTOCOLS


def test_names_are_distinct_and_every_field_is_explained() -> None:
    assert len(FIELDS) == len(CORE)
    assert all(field.doc and field.categories for field in CORE)


def test_the_vocabulary_is_the_sensors() -> None:
    assert set(FIELDS["ics.operation"].values) == {operation.name.lower() for operation in Operation}
    assert {f"ics.{name}" for name in FLAG_NAMES.values()} <= set(FIELDS)


def test_categories_differ() -> None:
    assert "asset.change" not in fields_of("behaviour")
    assert "ics.operation" not in fields_of("asset")
    assert "network.protocol" in fields_of("asset")


def test_markdown_holds_every_field() -> None:
    text = markdown()
    names = [field.name for field in CORE]
    names += [field.name for protocol in PROTOCOLS.values() for field in protocol.fields]
    assert all(f"| `{name}` |" in text for name in names)

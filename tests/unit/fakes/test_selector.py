"""Selectors: what they match, and which texts are none."""

import pytest

from tests.fakes.selector import SelectorError, both, field_selector, label_selector

OBJECT = {
    "metadata": {"name": "a", "namespace": "n", "labels": {"app": "web", "tier": "1", "e": ""}},
    "spec": {"unschedulable": True, "replicas": 2},
}
BARE = {"metadata": {"name": "b"}}


@pytest.mark.parametrize(
    ("text", "labelled", "bare"),
    [
        ("app", True, False),
        ("!app", False, True),
        ("app=web", True, False),
        ("app == web", True, False),
        ("app!=web", False, True),
        ("e=", True, False),
        ("app in (web,db)", True, False),
        ("app in ( db )", False, False),
        ("app notin (web)", False, True),
        ("app,tier=1", True, False),
        ("app in (web),tier notin (2,3)", True, False),
        ("example.com/role=x", False, False),
    ],
)
def test_label_selectors(text: str, labelled: bool, bare: bool) -> None:
    selects = label_selector(text)
    assert selects is not None
    assert (selects(OBJECT), selects(BARE)) == (labelled, bare)


@pytest.mark.parametrize(
    "text", ["=a", "a in", "a in (b", "a b", "a=b c", "-a", "a=-b", ",", "a/b/c"]
)
def test_texts_that_are_no_label_selectors(text: str) -> None:
    with pytest.raises(SelectorError):
        label_selector(text)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("metadata.name=a", True),
        ("metadata.name!=a", False),
        ("metadata.name=a,metadata.namespace=m", False),
        ("spec.unschedulable=true", True),
        ("spec.replicas=2", True),
        ("spec.missing=", True),
        ("spec.missing!=", False),
    ],
)
def test_field_selectors(text: str, matches: bool) -> None:
    known = {
        "metadata.name",
        "metadata.namespace",
        "spec.unschedulable",
        "spec.replicas",
        "spec.missing",
    }
    selects = field_selector(text, known)
    assert selects is not None
    assert selects(OBJECT) is matches


def test_only_known_fields_are_selectable() -> None:
    with pytest.raises(SelectorError, match=r"field label not supported: spec\.secret"):
        field_selector("spec.secret=1", {"metadata.name"})


def test_nothing_selects_everything() -> None:
    assert label_selector(" ") is None
    assert field_selector("", ()) is None
    assert both(None, None) is None
    only = label_selector("app")
    assert both(None, only) is only
    pair = both(only, field_selector("metadata.name=z", {"metadata.name"}))
    assert pair is not None
    assert not pair(OBJECT)

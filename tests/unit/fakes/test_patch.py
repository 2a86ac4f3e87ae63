"""Merge patch against a naive model, and JSON patch against RFC 6902's own examples."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.patch import PatchError, PatchMismatchError, equal, json_patch, merge_patch

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"])
KEYS = st.sampled_from(["a", "b", "c"])
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def naive_merge(document: Any, patch: Any) -> Any:
    """The pseudo-code of RFC 7386, section 2, on a copy."""
    if not isinstance(patch, dict):
        return patch
    target = copy.deepcopy(document) if isinstance(document, dict) else {}
    for name in patch:
        if patch[name] is None:
            if name in target:
                del target[name]
        else:
            target[name] = naive_merge(target.get(name), patch[name])
    return target


@given(document=DOCUMENTS, patch=DOCUMENTS)
def test_a_merge_patch_is_what_the_rfc_says(document: Any, patch: Any) -> None:
    before = copy.deepcopy((document, patch))
    assert equal(merge_patch(document, patch), naive_merge(document, patch))
    assert (document, patch) == before


@given(document=DOCUMENTS, patch=DOCUMENTS)
def test_a_merge_patch_does_not_change_anything_twice(document: Any, patch: Any) -> None:
    once = merge_patch(document, patch)
    assert equal(merge_patch(once, patch), once)


RFC_EXAMPLES: list[tuple[Any, list[dict[str, Any]], Any]] = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "q"}], {"foo": "bar", "baz": "q"}),
    (
        {"foo": ["a", "c"]},
        [{"op": "add", "path": "/foo/1", "value": "b"}],
        {"foo": ["a", "b", "c"]},
    ),
    ({"foo": 1, "bar": 2}, [{"op": "remove", "path": "/bar"}], {"foo": 1}),
    ({"foo": [1, 2, 3]}, [{"op": "remove", "path": "/foo/1"}], {"foo": [1, 3]}),
    ({"foo": 1}, [{"op": "replace", "path": "/foo", "value": 2}], {"foo": 2}),
    (
        {"foo": {"bar": 1, "w": 2}, "q": {}},
        [{"op": "move", "from": "/foo/w", "path": "/q/t"}],
        {"foo": {"bar": 1}, "q": {"t": 2}},
    ),
    ({"foo": [1, 2, 3]}, [{"op": "move", "from": "/foo/0", "path": "/foo/2"}], {"foo": [2, 3, 1]}),
    ({"a": [1]}, [{"op": "copy", "from": "/a/0", "path": "/b"}], {"a": [1], "b": 1}),
    ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": [1]}], {"foo": ["bar", [1]]}),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    ({"a/b": 1}, [{"op": "remove", "path": "/a~1b"}], {}),
    ({"a": 1}, [{"op": "replace", "path": "", "value": [1]}], [1]),
    ({"a": 1}, [{"op": "replace", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
    ({"a": 1}, [{"op": "test", "path": "/b", "value": None}], {"a": 1}),
]


@pytest.mark.parametrize(("document", "operations", "result"), RFC_EXAMPLES)
def test_json_patches(document: Any, operations: Any, result: Any) -> None:
    before = copy.deepcopy(document)
    assert json_patch(document, operations) == result
    assert document == before


MISFITS = [
    [{"op": "test", "path": "/a", "value": 2}],
    [{"op": "test", "path": "/a", "value": True}],
    [{"op": "test", "path": "/z", "value": 1}],
    [{"op": "test", "path": "/z/y", "value": None}],
    [{"op": "remove", "path": "/z"}],
    [{"op": "replace", "path": "/y/z", "value": 1}],
    [{"op": "add", "path": "/y/z", "value": 1}],
    [{"op": "add", "path": "/b/3", "value": 1}],
    [{"op": "replace", "path": "/b/2", "value": 1}],
    [{"op": "remove", "path": "/b/01"}],
    [{"op": "move", "from": "/c", "path": "/c/d"}],
    [{"op": "add", "path": "/n", "value": 1}, {"op": "test", "path": "/a", "value": 2}],
]


@pytest.mark.parametrize("operations", MISFITS)
def test_json_patches_that_do_not_fit(operations: Any) -> None:
    document = {"a": 1, "b": [1, 2], "c": {"d": {}}}
    before = copy.deepcopy(document)
    with pytest.raises(PatchMismatchError):
        json_patch(document, operations)
    assert document == before


@pytest.mark.parametrize(
    "operations",
    [
        {},
        ["op"],
        [{"op": "add", "path": "/a"}],
        [{"op": "jump", "path": "/a"}],
        [{"op": "remove", "path": "a"}],
        [{"op": "remove"}],
        [{"op": "copy", "path": "/a"}],
    ],
)
def test_malformed_json_patches(operations: Any) -> None:
    with pytest.raises(PatchError) as error:
        json_patch({"a": 1}, operations)
    assert not isinstance(error.value, PatchMismatchError)

"""A Lease there and back: what is ours changes, what is others' survives, whose it is is told."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2announcer.core import lease
from l2announcer.core.lease import ANNOTATION, GIVEN_SECONDS, WANTED
from l2announcer.core.model import Holding, LeaseRecord, Wanted

NAME = "cilium-l2announce-default-app1"
TIME = "2026-11-25T10:00:00.000000Z"
HOLDING = Holding(boot="boot-1", netns=4026531840, macs=("02:42:ac:13:00:03",), mode="service")
STORED: dict[str, Any] = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {
        "name": NAME,
        "namespace": "kube-system",
        "uid": "u-1",
        "resourceVersion": "41",
        "labels": {"owner": "somebody"},
        "annotations": {"example.com/note": "keep me"},
        "managedFields": [{"manager": "cilium-agent"}],
    },
    "spec": {
        "holderIdentity": "worker2",
        "leaseDurationSeconds": 15,
        "acquireTime": TIME,
        "renewTime": TIME,
        "leaseTransitions": 3,
        "strategy": "OldestEmulationVersion",
        "preferredHolder": "worker3",
    },
    "someday": {"a": "field"},
}


def written(read: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    record = LeaseRecord(
        name=NAME,
        resource_version="",
        holder="worker",
        duration_seconds=15,
        acquire_time=TIME,
        renew_time=TIME,
        transitions=4,
        holding=HOLDING,
    )
    return lease.body(
        name=NAME, namespace="kube-system", read=read, record=replace(record, **fields)
    )


def annotated(text: str, renew_time: str = TIME) -> LeaseRecord:
    metadata = {**STORED["metadata"], "annotations": {ANNOTATION: text}}
    return lease.decode({"metadata": metadata, "spec": {**STORED["spec"], "renewTime": renew_time}})


def test_what_a_stranger_wrote() -> None:
    record = lease.decode(STORED)
    assert record.name == NAME
    assert record.resource_version == "41"
    assert record.spec == ("worker2", 15, TIME, TIME, 3)
    assert record.holding is None
    assert record.raw is STORED


@pytest.mark.parametrize(
    "raw",
    [
        {"metadata": {"name": NAME}},
        {"metadata": {"name": NAME}, "spec": None},
        {
            "metadata": {"name": NAME, "annotations": None},
            "spec": {"holderIdentity": None, "renewTime": None, "leaseDurationSeconds": None},
        },
    ],
)
def test_what_says_nothing_is_free(raw: dict[str, Any]) -> None:
    assert lease.decode(raw).spec == ("", 0, "", "", 0)


@pytest.mark.parametrize("raw", [{}, {"metadata": []}, {"metadata": {}, "spec": [1]}])
def test_what_is_no_lease_is_refused_in_a_sentence(raw: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a Lease has an object as metadata"):
        lease.decode(raw)


def test_a_write_changes_our_fields_and_no_others() -> None:
    before = json.loads(json.dumps(STORED))
    body = written(STORED)
    assert before == STORED, "what was read must not be changed in place"
    assert body["spec"] == {
        **STORED["spec"],
        "holderIdentity": "worker",
        "leaseTransitions": 4,
    }
    annotations = body["metadata"].pop("annotations")
    assert annotations.pop(ANNOTATION)
    assert annotations == STORED["metadata"]["annotations"]
    without = {key: value for key, value in STORED["metadata"].items() if key != "annotations"}
    assert body["metadata"] == without
    assert body["someday"] == STORED["someday"]


def test_a_new_one_has_all_that_the_api_asks_for_and_no_version() -> None:
    body = written()
    assert (body["apiVersion"], body["kind"]) == ("coordination.k8s.io/v1", "Lease")
    assert body["metadata"].keys() == {"name", "namespace", "annotations"}
    assert body["spec"] == {
        "holderIdentity": "worker",
        "leaseDurationSeconds": 15,
        "acquireTime": TIME,
        "renewTime": TIME,
        "leaseTransitions": 4,
    }


def test_we_read_what_we_wrote() -> None:
    body = written(STORED)
    record = lease.decode(body)
    assert record.spec == ("worker", 15, TIME, TIME, 4)
    assert record.holding == HOLDING
    leaving = replace(HOLDING, leaving=True)
    assert lease.decode(written(holding=leaving)).holding == leaving
    assert lease.body(name=NAME, namespace="kube-system", read=body, record=record) == body


def test_a_record_without_holding_leaves_the_annotations_alone() -> None:
    body = written(STORED, holding=None)
    assert body["metadata"]["annotations"] == STORED["metadata"]["annotations"]


def test_a_stranger_that_carries_our_annotation_along_is_a_stranger() -> None:
    body = written(STORED)
    body["spec"]["renewTime"] = "2026-11-25T10:00:02.000000Z"
    assert lease.decode(body).holding is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "3",
        "null",
        '"text"',
        "{}",
        json.dumps({"renew": TIME}),
        json.dumps({"renew": TIME, "boot": "b"}),
        json.dumps({"renew": TIME, "boot": "b", "netns": "many"}),
        json.dumps({"renew": TIME, "boot": "b", "netns": None}),
        json.dumps({"renew": TIME, "boot": "b", "netns": 1, "macs": 7}),
        json.dumps({"renew": TIME, "boot": "b", "netns": float("inf")}),
        json.dumps({"boot": "b", "netns": 1}),
        "[" * 100_000,
    ],
)
def test_a_malformed_annotation_is_nobody_of_ours(text: str) -> None:
    assert annotated(text).holding is None


def test_an_annotation_that_is_no_text_is_nobody_of_ours() -> None:
    metadata = {"name": NAME, "annotations": {ANNOTATION: {"boot": "b"}}}
    assert lease.decode({"metadata": metadata, "spec": {}}).holding is None


@pytest.mark.parametrize("number", [0, 7, None])
def test_the_heartbeat_that_keeps_it_is_read_again(number: int | None) -> None:
    holding = replace(HOLDING, mode="node", heartbeat=number)
    record = LeaseRecord(name="x", resource_version="", holder="a", holding=holding)
    found = lease.decode(lease.body(name="x", namespace="n", read=None, record=record))
    assert found.holding == holding
    assert found.under == (None if number is None else ("a", number))


@pytest.mark.parametrize("number", [-1, 2**31 - 1, "7", 1.5, True, None])
def test_what_is_no_number_of_a_heartbeat_keeps_nothing(number: object) -> None:
    said = {"boot": "b", "netns": 1, "renew": "t", "heartbeat": number}
    raw = {
        "metadata": {"name": "x", "annotations": {lease.ANNOTATION: json.dumps(said)}},
        "spec": {"holderIdentity": "a", "renewTime": "t"},
    }
    assert lease.decode(raw).under is None


def test_an_older_annotation_without_macs_and_mode_counts() -> None:
    record = annotated(json.dumps({"renew": TIME, "boot": "b", "netns": 1}))
    assert record.holding == Holding(boot="b", netns=1)


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000))
def test_times_have_six_digits_and_come_back(microseconds: int) -> None:
    text = lease.micro_time(microseconds)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text)
    assert lease.unix_microseconds(text) == microseconds


def test_also_a_whole_second_has_six_digits() -> None:
    assert lease.micro_time(1_764_000_000_000_000) == "2025-11-24T16:00:00.000000Z"


@pytest.mark.parametrize(
    "text", ["", "soon", "t1", "2026-11-25", "2026-11-25T10:00:00", "9999-12-31T23:59:59.999999Z"]
)
def test_what_is_no_time_is_long_ago(text: str) -> None:
    assert lease.unix_microseconds(text) == 0


def test_other_forms_of_a_time_are_understood() -> None:
    assert lease.unix_microseconds("2025-11-24T16:00:00Z") == 1_764_000_000_000_000
    assert lease.unix_microseconds("2025-11-24T17:00:00.5+01:00") == 1_764_000_000_500_000


def wished(text: object) -> LeaseRecord:
    metadata = {**STORED["metadata"], "annotations": {WANTED: text}}
    return lease.decode({**STORED, "metadata": metadata})


@pytest.mark.parametrize(
    ("text", "wanted", "by"),
    [
        ("worker3@3", Wanted("worker3", 3), "worker3"),
        ("worker3@2", Wanted("worker3", 2), ""),
        ("a@b@3", Wanted("a@b", 3), "a@b"),
        ("worker3", None, ""),
        ("@3", None, ""),
        ("worker3@", None, ""),
        ("worker3@-1", None, ""),
        ("worker3@" + "9" * 5000, None, ""),
        (7, None, ""),
    ],
)
def test_who_wants_it(text: object, wanted: Wanted | None, by: str) -> None:
    record = wished(text)
    assert record.wanted == wanted
    assert lease.wanted_by(record) == by


def test_asking_for_it_changes_one_annotation() -> None:
    record = replace(lease.decode(STORED), wanted=Wanted("worker3", 3))
    body = lease.asking(name=NAME, namespace="kube-system", read=STORED, record=record)
    assert body["metadata"]["annotations"].pop(WANTED) == "worker3@3"
    assert body == STORED


def test_a_write_without_a_wish_ends_the_one_that_stood() -> None:
    read = dict(wished("worker3@3").raw)
    assert WANTED not in written(read)["metadata"]["annotations"]
    kept = written(read, wanted=Wanted("worker3", 3))
    assert kept["metadata"]["annotations"][WANTED] == "worker3@3"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"wanted": None},
        {"wanted": Wanted("b", 4)},
        {"wanted": Wanted("c", 3)},
        {"holding": None},
        {"duration_seconds": 15},
    ],
)
def test_to_whom_it_was_given(fields: dict[str, Any]) -> None:
    """Only a gift of ours to who asked for it counts as one."""
    gift = LeaseRecord(
        name=NAME,
        resource_version="1",
        holder="b",
        duration_seconds=GIVEN_SECONDS,
        transitions=4,
        holding=HOLDING,
        wanted=Wanted("b", 3),
    )
    assert lease.given_to(replace(gift, **fields)) == ("" if fields else "b")


def test_nothing_is_nobodys() -> None:
    assert lease.wanted_by(None) == lease.given_to(None) == ""

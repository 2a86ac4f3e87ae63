"""Lists arrive in pages and changes in lines; what is no answer of the API is told apart."""

import msgspec
import pytest

from l2announcer.core.model import Key, Kind, LeaseRecord, Node
from l2announcer.kube.decode import Problem
from l2announcer.kube.envelopes import Change, event, page
from l2announcer.kube.errors import Gone, Unavailable


def test_page_with_a_bad_item_among_good_ones() -> None:
    body = b"""{"kind": "NodeList", "metadata": {"resourceVersion": "71", "continue": "abc",
        "remainingItemCount": 2}, "items": [
        {"metadata": {"name": "a"}}, {"metadata": {"name": "b", "labels": []}}]}"""
    read = page(Kind.NODE, body, prefixes=())
    assert (read.version, read.next) == ("71", "abc")
    (good_key, good), (bad_key, bad) = read.objects
    assert (good_key, good) == (Key("", "a"), Node(key=Key("", "a")))
    assert bad_key == Key("", "b")
    assert isinstance(bad, Problem)


@pytest.mark.parametrize("items", [b"", b', "items": null', b', "items": []'])
def test_empty_last_page(items: bytes) -> None:
    read = page(Kind.NODE, b'{"metadata": {"resourceVersion": "7"}' + items + b"}", prefixes=())
    assert (read.version, read.next, read.objects) == ("7", "", ())


def test_only_names_with_a_prefix_are_looked_at() -> None:
    body = b"""{"metadata": {"resourceVersion": "7"}, "items": [
        {"metadata": {"name": "kube-scheduler", "namespace": "n"}},
        {"metadata": {"name": "cilium-l2announce-a-b", "namespace": "n"}}]}"""
    read = page(Kind.LEASE, body, prefixes=("cilium-l2announce-", "l2announcer-"))
    assert [key.name for key, _ in read.objects] == ["cilium-l2announce-a-b"]


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"kind": "Status"}', b"\xff\xfe"])
def test_what_is_no_list(body: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        page(Kind.NODE, body, prefixes=())


@pytest.mark.parametrize("change", [Change.ADDED, Change.MODIFIED])
def test_change(change: Change) -> None:
    line = b'{"type": "%s", "object": {"metadata": {"name": "a", "resourceVersion": "8"}}}'
    seen = event(Kind.NODE, line % change.value.encode(), prefixes=())
    assert (seen.change, seen.version, seen.object) == (
        change,
        "8",
        Node(key=Key("", "a"), resource_version="8"),
    )


def test_deletion_needs_only_a_name() -> None:
    line = b"""{"type": "DELETED", "object": {"metadata": {"name": "a", "namespace": "n",
        "resourceVersion": "8"}, "spec": "nonsense"}}"""
    seen = event(Kind.SERVICE, line, prefixes=())
    assert (seen.change, seen.key, seen.version) == (Change.DELETED, Key("n", "a"), "8")
    assert seen.object is None


def test_bookmark() -> None:
    line = b"""{"type": "BOOKMARK", "object": {"kind": "Service", "metadata":
        {"resourceVersion": "12746", "creationTimestamp": null}, "spec": {}}}"""
    seen = event(Kind.SERVICE, line, prefixes=())
    assert (seen.change, seen.version, seen.object) == (Change.BOOKMARK, "12746", None)


def test_name_that_is_not_wanted_moves_the_version_all_the_same() -> None:
    line = b"""{"type": "MODIFIED", "object": {"metadata": {"name": "kube-scheduler",
        "resourceVersion": "9"}}}"""
    seen = event(Kind.LEASE, line, prefixes=("cilium-",))
    assert (seen.version, seen.object) == ("9", None)


def test_lease_event() -> None:
    line = b"""{"type": "ADDED", "object": {"metadata": {"name": "cilium-x", "namespace": "n",
        "resourceVersion": "9"}, "spec": {"holderIdentity": "a"}}}"""
    seen = event(Kind.LEASE, line, prefixes=("cilium-",))
    assert seen.object == LeaseRecord(name="cilium-x", resource_version="9", holder="a")


def test_error_events() -> None:
    line = b'{"type":"ERROR","object":{"kind":"Status","code":%d,"message":"%s","reason":"x"}}'
    with pytest.raises(Gone, match="too old resource version"):
        event(Kind.NODE, line % (410, b"too old resource version: 1 (2)"), prefixes=())
    with pytest.raises(Unavailable, match="etcd is away"):
        event(Kind.NODE, line % (500, b"etcd is away"), prefixes=())


@pytest.mark.parametrize("line", [b"{", b"null", b'{"type":"NEW","object":{}}', b"<html>"])
def test_what_is_no_event(line: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        event(Kind.NODE, line, prefixes=())

"""`l2announcer move SERVICE --to NODE`: have another node announce a Service, and wait for it."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from l2announcer import clock
from l2announcer.cli import paper
from l2announcer.core import lease
from l2announcer.core.model import PREFERRED_NODE, Key, LeaseRecord, Service

if TYPE_CHECKING:
    from l2announcer.cli.placement import Placement

SUMMARY = "have a Service announced by another node"

_ABOUT = """\
Has a Service announced by a node of your choice, and waits until it is. The node that has the
address hands it over as planned: nobody answers for a few milliseconds, and never two at once.

It writes the annotation l2announcer.io/preferred-node to the Service, which stays: whenever that
node can, it is the one. `--anywhere` takes it away again.
"""

_MORE = """\
examples:
  l2announcer move web/shop --to worker-2       the Service shop in namespace web
  l2announcer move shop --anywhere              it needs no particular node any more
  kubectl annotate svc/shop l2announcer.io/preferred-node=worker-2
                                                the same without waiting

It changes nothing where there is no such Service or Node, where no policy lets that node announce
it, where the node is leaving (cordoned, not ready, …), where no l2announcer runs on it, or where
somebody else than l2announcer holds the Lease. A drained node gives away what it has by itself.

rights that it needs: get services, nodes and leases, patch services, list
  ciliuml2announcementpolicies
exit codes: 0 done, 1 it was not moved (the sentence says why), 2 wrong usage
"""

POLL_SECONDS = 0.1
PATIENCE_SECONDS = 1.0  # so long nobody needs to be told what is waited for
HEALTH_PORT = 9480


class NotMovedError(Exception):
    """The Service is not where it is to be; the sentence says why, and what to do."""


def describe(parser: argparse.ArgumentParser) -> None:
    """Give the command's parser its help and arguments."""
    parser.description, parser.epilog = _ABOUT, _MORE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("service", metavar="[namespace/]service", help="which Service")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--to", metavar="node", default="", help="the node that is to announce it")
    where.add_argument(
        "--anywhere", action="store_true", help="no particular node any more; nothing is waited for"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=30.0,
        metavar="seconds",
        help="how long to wait for it [default: 30]",
    )
    parser.add_argument(
        "--lease-namespace",
        default="kube-system",
        metavar="name",
        help="the daemons' setting leaseNamespace [default: kube-system]",
    )
    parser.add_argument(
        "--kubeconfig",
        default="",
        metavar="file",
        help="how to reach the API server [default: $KUBECONFIG, the Pod's service account,"
        " or ~/.kube/config]",
    )
    parser.set_defaults(execute=_execute)


def known_flags() -> list[str]:
    """For a hint where a flag is misspelt."""
    return ["--to", "--anywhere", "--timeout", "--lease-namespace", "--kubeconfig"]


def _execute(options: argparse.Namespace) -> int:
    # Here, since help should not take the time to load the client.
    from l2announcer.cli.objects import NoAnswerError, asked  # noqa: PLC0415  see above

    try:
        print(asked(_move(options)))
    except (NoAnswerError, NotMovedError) as error:
        paper.complain(str(error))
        return 1
    return 0


async def _move(options: argparse.Namespace) -> str:
    from l2announcer.cli.placement import placement  # noqa: PLC0415  see _execute

    namespace, _, name = options.service.rpartition("/")
    key = Key(namespace or "default", name)
    async with placement(options.kubeconfig, options.lease_namespace, key) as there:
        service = await there.service()
        if service is None:
            raise NotMovedError(f"there is no Service {key}; nothing was changed")
        if options.anywhere:
            await there.prefer(None)
            return f"{key} may be announced by any node; where it is, it stays for now"
        before = await _held(there, service, options.to)
        began_at = clock.now()
        if service.annotations.get(PREFERRED_NODE) == options.to:
            await there.prefer(None)  # to ask once more is a change, too
        await there.prefer(options.to)
        if before.holder == options.to:
            return f"{key} is on {options.to}, and is to stay there"
        record: LeaseRecord | None = before
        progress = ""
        while clock.now() < began_at + options.timeout:
            record = await there.lease()
            if record is not None and record.holder == options.to and not lease.given_to(record):
                seconds = clock.now() - began_at
                return f"{key} moved from {before.holder} to {options.to} in {seconds:.1f} s"
            if clock.now() > began_at + PATIENCE_SECONDS:
                before_that, progress = progress, _progress(options.to, record)
                if progress != before_that:
                    print(progress, file=sys.stderr)
            await asyncio.sleep(POLL_SECONDS)
    raise NotMovedError(_late(key, options, record))


async def _settled(there: Placement) -> LeaseRecord | None:
    """The Lease; one that is just changing hands is waited for."""
    until = clock.now() + PATIENCE_SECONDS
    record = await there.lease()
    while record is not None and not record.holder and clock.now() < until:
        await asyncio.sleep(POLL_SECONDS)
        record = await there.lease()
    return record


async def _held(there: Placement, service: Service, to: str) -> LeaseRecord:
    """The Lease, once it is clear that the node may have it. Raises NotMovedError."""
    key, node = service.key, await there.node(to)
    if node is None:
        sentence = f"there is no Node {to}; nothing was changed. 'kubectl get nodes' lists them"
        raise NotMovedError(sentence)
    record = await _settled(there)
    barred = await there.barred_because(service, node)
    if barred and (record is None or record.holder != to):
        raise NotMovedError(f"{to} may not announce {key}: {barred}; nothing was changed")
    absent = await there.absent_because(to)
    if absent and (record is None or record.holder != to):
        raise NotMovedError(f"{to} cannot announce {key}: {absent}; nothing was changed")
    if record is None or not record.holder:
        sentence = f"no node announces {key} now; nothing was changed. 'l2announcer explain {key}'"
        raise NotMovedError(f"{sentence} on {to} says why")
    if record.holding is None and record.holder != to:
        raise NotMovedError(
            f"Lease {record.name} is held by {record.holder}, which is no l2announcer (Cilium's"
            " agent?) and hands nothing over; nothing was changed"
        )
    return record


def _progress(to: str, record: LeaseRecord | None) -> str:
    """What is waited for."""
    if record is None or not record.holder:
        return f"waiting: nobody holds the Lease, {to} is to take it"
    if lease.given_to(record) == to:
        return f"waiting: {record.name} was handed over, {to} is to take it"
    if lease.wanted_by(record) == to:
        return f"waiting: {to} has asked for it, {record.holder} is to hand it over"
    return f"waiting: {to} is to ask for it, {record.holder} has it"


def _late(key: Key, options: argparse.Namespace, record: LeaseRecord | None) -> str:
    """What to say when it did not move in time."""
    stays = "The wish stays; take it back by --anywhere"
    if record is None or not record.holder:
        return f"{key} lost its holder meanwhile, and {options.to} has not taken it. {stays}"
    if lease.wanted_by(record) == options.to:
        return (
            f"{options.to} asked for {key}, and {record.holder} did not give it in"
            f" {options.timeout:g} s: its log, and 'l2announcer explain {key}' there, say why."
            f" {stays}"
        )
    return (
        f"{options.to} did not ask for {key} in {options.timeout:g} s: its daemon does not run, or"
        f" cannot announce it there. Ask it: l2announcer explain {key} --node-url"
        f" http://{options.to}:{HEALTH_PORT}. {stays}"
    )

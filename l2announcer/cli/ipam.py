"""`l2announcer ipam`: pools, who has what address, who waits and why; what an edit would change."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence

from l2announcer import clock
from l2announcer.cli import manifest, paper
from l2announcer.cli.paper import Ink
from l2announcer.cli.rehearsal import Rehearsal
from l2announcer.core.ipam import ranges, status
from l2announcer.core.model import Block, Key, Pool, Service

SUMMARY = "show pools, who has what address, and why a Service waits"

CHANGES = 3
"""The exit code of a plan by which a Service would lose an address that it has."""

_ABOUT = """\
Shows the address pools of the cluster, which Service has which address, and why one has none.

It reads Services and pools from the API server and runs them through the daemon's own rules: what
it says of a Service is what the controller says, also while none is running. It writes nothing.
"""

_MORE = """\
examples:
  l2announcer ipam                                all of it, by $KUBECONFIG or ~/.kube/config
  l2announcer ipam --kubeconfig admin.conf -n web the Services of one namespace
  l2announcer ipam plan -f pool.yaml              what would an edited pool change?
  l2announcer ipam plan --delete old-pool         what would go with a pool?

rights that it needs: list services and ciliumloadbalancerippools
exit codes: 0 done, 1 failed, 2 wrong usage; see also 'l2announcer ipam plan --help'
"""

_PLAN = """\
Says what an edited, a new or a removed pool would change, before it is applied: which Services
would move to another address, be given one, or lose theirs. It writes nothing.

A pool of the file takes the place of the cluster's pool of that name as a whole.
"""

_PLAN_MORE = """\
examples:
  l2announcer ipam plan -f pool.yaml && kubectl apply -f pool.yaml
                                                  apply it only if nobody loses an address
  kubectl get ippool blue -o yaml | sed s,/28,/27, | l2announcer ipam plan -f -
  l2announcer ipam plan -f new.yaml --delete old  move from one pool to another: what happens?

exit codes: 0 no address that a Service has would change (some may be given), 1 failed,
  2 wrong usage, or the file is no pool, 3 a Service would lose or exchange an address
"""


def describe(parser: argparse.ArgumentParser) -> None:
    """Give the command's parser its help and arguments."""
    parser.description, parser.epilog = _ABOUT, _MORE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    _add_kubeconfig(parser, default="")
    parser.add_argument("-n", "--namespace", metavar="name", help="only Services of this namespace")
    parser.set_defaults(execute=_show)
    plan = parser.add_subparsers(title="commands", metavar="COMMAND").add_parser(
        "plan",
        help="say what an edited, new or removed pool would change",
        description=_PLAN,
        epilog=_PLAN_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    # without a default of its own, for that would undo what was given before `plan`
    _add_kubeconfig(plan, default=argparse.SUPPRESS)
    plan.add_argument(
        *("-f", "--filename"),
        action="append",
        default=[],
        metavar="file",
        help="a YAML file with pools, - for standard input; may be given several times",
    )
    plan.add_argument(
        "--delete", action="append", default=[], metavar="pool", help="a pool to be removed"
    )
    plan.set_defaults(execute=_plan)


def known_flags() -> list[str]:
    """For a hint where a flag is misspelt."""
    return ["--kubeconfig", "--namespace", "--filename", "--delete"]


def _add_kubeconfig(parser: argparse.ArgumentParser, *, default: str) -> None:
    parser.add_argument(
        "--kubeconfig",
        default=default,
        metavar="file",
        help="how to reach the API server [default: $KUBECONFIG, the Pod's service account,"
        " or ~/.kube/config]",
    )


def _show(options: argparse.Namespace) -> int:
    # Here and below, since help should not take the time to load the client.
    from l2announcer.cli import objects  # noqa: PLC0415  see above

    try:
        found = objects.read(options.kubeconfig)
    except objects.NoAnswerError as error:
        paper.complain(str(error))
        return 1
    then = Rehearsal(found.services, found.pools, found.hosts, wall=clock.wall())
    if found.pools:
        _show_pools(then.pools.values())
        print()
        _show_services(found.services, then, options.namespace)
    else:
        print("There is no pool, so no Service is given an address. Create one:")
        print("a CiliumLoadBalancerIPPool with spec.blocks, see 'kubectl explain ippool.spec'.")
    for sentence in found.unreadable:
        paper.complain(f"left out: {sentence}")
    return 0


def _show_pools(pools: Iterable[Pool]) -> None:
    rows: list[paper.Row] = []
    for pool in sorted(pools, key=lambda each: each.key):
        told = {each.type: each for each in pool.conditions}
        counts = [told[type_].message for type_ in (status.USED, status.AVAILABLE) if type_ in told]
        faults = [each.message for each in told.values() if each.status == "True" and each.message]
        why = ["disabled, gives no further address"] if pool.disabled else []
        why += faults
        blocks = ", ".join(_block(each) for each in pool.blocks)
        ink = Ink.BAD if faults else (Ink.WAITS if pool.disabled else Ink.GOOD)
        rows.append(((pool.key.name, blocks, *counts, "; ".join(why) or "gives addresses"), ink))
    paper.show(("POOL", "BLOCKS", "USED", "AVAILABLE", "STATE"), rows)


def _block(block: Block) -> str:
    """Write it as short as it can be: a cidr, `start-stop`, or `start`."""
    return block.cidr or "-".join(filter(None, (block.start, block.stop)))


def _show_services(services: Iterable[Service], then: Rehearsal, namespace: str | None) -> None:
    rows: list[paper.Row] = []
    differ = False
    for now in sorted(services, key=lambda each: each.key):
        if now.type != "LoadBalancer" or namespace not in {None, now.key.namespace}:
            continue
        what, ink, agrees = _state(now, then.services[now.key])
        differ |= not agrees
        rows.append(((str(now.key), _joined(now), _pools(now, then), what), ink))
    paper.show(("SERVICE", "ADDRESSES", "POOL", "STATE"), rows)
    if differ:
        print(
            "\nSome are not as the controller would have them. Is one running? Ask for its Lease:\n"
            "  kubectl -n kube-system get lease l2announcer-controller"
        )


def _state(now: Service, then: Service) -> tuple[str, Ink | None, bool]:
    """Say where a Service stands; is that what the controller would have?"""
    agrees = status.shown(now) == status.shown(then)
    verdict = status.verdict(then)
    due = "" if agrees else f"will have {_joined(then) or 'no address'}"
    if verdict is None:
        if now.load_balancer_class:
            return f"left to the controller of its class, {now.load_balancer_class}", None, agrees
        return due or "not served", Ink.WAITS, agrees
    if verdict.status != "True":
        words = "; ".join(filter(None, (due, f"waits: {verdict.message}")))
        return words, Ink.BAD, agrees
    return due or "has all that it asks for", Ink.WAITS if due else Ink.GOOD, agrees


def _pools(service: Service, then: Rehearsal) -> str:
    """Name the pools that have the Service's addresses."""
    names: dict[str, None] = {}
    for address in status.shown(service):
        for pool in then.pools.values():
            parsed = (ranges.parse_block(block, first_last=True) for block in pool.blocks)
            if any(isinstance(each, ranges.Range) and address in each for each in parsed):
                names[pool.key.name] = None
    return ", ".join(names)


def _plan(options: argparse.Namespace) -> int:
    from l2announcer.cli import objects  # noqa: PLC0415  see _show

    if not options.filename and not options.delete:
        paper.complain("say what is to be changed: -f pool.yaml, or --delete pool")
        return 2
    try:
        edited = [pool for name in options.filename for pool in manifest.pools(name)]
        found = objects.read(options.kubeconfig)
    except manifest.BadManifestError as error:
        paper.complain(str(error))
        return 2
    except objects.NoAnswerError as error:
        paper.complain(str(error))
        return 1
    rehearsal = Rehearsal(found.services, found.pools, found.hosts, wall=clock.wall())
    before = dict(rehearsal.services)
    for pool in edited:
        rehearsal.edit(pool)
    for name in options.delete:
        if Key("", name) not in rehearsal.pools:
            paper.complain(f"there is no pool {name} to delete; 'l2announcer ipam' lists them")
            return 2
        rehearsal.remove(Key("", name))
    return _show_plan(before, rehearsal, [pool.key for pool in edited])


def _show_plan(before: Mapping[Key, Service], then: Rehearsal, edited: Sequence[Key]) -> int:
    rows = list(_changes(before, then.services))
    if rows:
        paper.show(("SERVICE", "NOW", "THEN", "WHAT"), rows)
    else:
        print("No Service's address would change.")
    pools = [then.pools[key] for key in dict.fromkeys(edited) if key in then.pools]
    if pools:
        print()
        _show_pools(pools)
    return CHANGES if any(ink is Ink.BAD for _, ink in rows) else 0


def _changes(before: Mapping[Key, Service], after: Mapping[Key, Service]) -> Iterator[paper.Row]:
    for key, now in sorted(before.items()):
        then = after[key]
        had, has = status.shown(now), status.shown(then)
        if set(had) == set(has):
            continue
        verdict = status.verdict(then)
        why = verdict.message if verdict is not None and verdict.status != "True" else ""
        if set(had) <= set(has):
            what, ink = "is given", Ink.GOOD
        elif has:
            what, ink = "moves", Ink.BAD
        else:
            what, ink = "loses its address", Ink.BAD
        sentence = f"{what}: {why}" if why else what
        yield (str(key), _joined(now), _joined(then), sentence), ink


def _joined(service: Service) -> str:
    return ", ".join(map(str, status.shown(service)))

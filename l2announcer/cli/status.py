"""`l2announcer status`: where each Service stands on one node, as a table."""

from __future__ import annotations

import argparse

from l2announcer.cli import paper
from l2announcer.cli.node import NoAnswerError, Service, add_node_url, ask
from l2announcer.cli.paper import Ink
from l2announcer.core.candidacy import State

SUMMARY = "show where each Service stands on a node, and why"

_ABOUT = """\
Asks the daemon of one node where each Service stands there: whether it answers for the Service's
addresses, who does if not, and why.
"""

_MORE = """\
examples:
  l2announcer status                                    on the node itself
  l2announcer status -n web                             the Services of one namespace
  l2announcer status --node-url http://worker-1:9480    another node, with statusPublic: true
  kubectl exec -n kube-system POD -- l2announcer status where it runs as a Pod

A Service that is 'not selected' on every node is announced by none: the column WHY has the reason.
All that the daemon knows, as JSON: curl -s 'http://127.0.0.1:9480/status?pretty'

exit codes: 0 done, 1 the daemon does not answer, 2 wrong usage
"""

INKS = {
    State.ANNOUNCING.value: Ink.GOOD,
    State.CHECKING.value: Ink.WAITS,
    State.IN_DOUBT.value: Ink.BAD,
    State.ADDRESS_IN_USE.value: Ink.BAD,
    State.HOLDING_OVER.value: Ink.BAD,
    State.RETURNING.value: Ink.BAD,
}


def describe(parser: argparse.ArgumentParser) -> None:
    """Give the command's parser its help and arguments."""
    parser.description, parser.epilog = _ABOUT, _MORE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("-n", "--namespace", metavar="name", help="only Services of this namespace")
    add_node_url(parser)
    parser.set_defaults(execute=_execute)


def known_flags() -> list[str]:
    """For a hint where a flag is misspelt."""
    return ["--namespace", "--node-url"]


def _execute(options: argparse.Namespace) -> int:
    try:
        found = ask(options.node_url)
    except NoAnswerError as error:
        paper.complain(str(error))
        return 1
    wanted = f"{options.namespace}/" if options.namespace else ""
    services = {name: each for name, each in found.services.items() if name.startswith(wanted)}
    print(f"node {found.node}; the controller is {found.controller.holder or 'nobody'}")
    if found.waiting_for:
        print(f"waiting for the first list of: {', '.join(found.waiting_for)}")
    for what, reasons in (("leaving", found.leaving), ("degraded", found.degraded)):
        if reasons:
            print(f"it is {what}: {'; '.join(reasons)}")
    for interface, why in found.interface_troubles.items():
        print(f"interface {interface} is not served: {why}")
    print()
    rows = [
        (
            (name, each.state, _addresses(each), each.lease.holder, _why(each)),
            INKS.get(each.state),
        )
        for name, each in sorted(services.items())
    ]
    paper.show(("SERVICE", "STATE", "ADDRESSES", "HOLDER", "WHY"), rows)
    return 0


def _addresses(service: Service) -> str:
    return ", ".join(f"{each.address}%{each.interface}" for each in service.addresses)


def _why(service: Service) -> str:
    return "; ".join(filter(None, (service.why, service.conflict)))

"""`l2announcer explain SERVICE`: all that one node has to say of one Service."""

from __future__ import annotations

import argparse
from difflib import get_close_matches

from l2announcer.cli import paper
from l2announcer.cli.node import NoAnswerError, Service, add_node_url, ask
from l2announcer.cli.status import INKS

SUMMARY = "say why a Service is, or is not, announced on a node"

_ABOUT = """\
Says why a Service is, or is not, announced on one node: its state there, the addresses that the
node answers for, the Lease and its holder, what is left out, and who else claims the address.
"""

_MORE = """\
examples:
  l2announcer explain web/shop                              the Service shop in namespace web
  l2announcer explain shop --node-url http://worker-1:9480  in namespace default, on another node
  l2announcer ipam                                          why it has no address

exit codes: 0 done, 1 the daemon does not answer or knows no such Service, 2 wrong usage
"""


def describe(parser: argparse.ArgumentParser) -> None:
    """Give the command's parser its help and arguments."""
    parser.description, parser.epilog = _ABOUT, _MORE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("service", metavar="[namespace/]service", help="which Service")
    add_node_url(parser)
    parser.set_defaults(execute=_execute)


def known_flags() -> list[str]:
    """For a hint where a flag is misspelt."""
    return ["--node-url"]


def _execute(options: argparse.Namespace) -> int:
    name = options.service if "/" in options.service else f"default/{options.service}"
    try:
        found = ask(options.node_url)
    except NoAnswerError as error:
        paper.complain(str(error))
        return 1
    service = found.services.get(name)
    if service is None:
        close = get_close_matches(name, found.services, n=1)
        hint = f"did you mean {close[0]}?" if close else "'l2announcer status' lists them"
        paper.complain(f"node {found.node} knows no Service {name}; {hint}")
        return 1
    print(f"{name} on node {found.node}: {paper.inked(service.state, INKS.get(service.state))}")
    for what, sentence in _sentences(service):
        print(f"  {what:<10} {sentence}")
    return 0


def _sentences(service: Service) -> list[tuple[str, str]]:
    lease = service.lease
    said = [("why", service.why)]
    if lease.name:
        tenure = f", for {lease.tenure_seconds:.1f} s more" if lease.tenure_seconds else ""
        said.append(("Lease", f"{lease.name}, held by {lease.holder or 'nobody'}{tenure}"))
    if lease.wanted_by:
        said.append(("wanted", f"node {lease.wanted_by} has asked {lease.holder} for it"))
    said += [("leaving", each) for each in service.leaving]
    said += [("problem", lease.problem), ("conflict", service.conflict)]
    said += [("left out", each) for each in service.left_out]
    return [(what, sentence) for what, sentence in said if sentence]

"""The command line: one module per command. Exit codes: 0 done, 1 failed, 2 wrong usage."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from l2announcer import __version__
from l2announcer.cli import explain, ipam, move, run, status
from l2announcer.settings import suggestion

_COMMANDS = {"run": run, "status": status, "explain": explain, "ipam": ipam, "move": move}

_ABOUT = """\
Gives Kubernetes Services of type LoadBalancer an address and answers for it on the local
network. One daemon runs on each node. Per Service they elect, by a Lease, the one node that answers
ARP and Neighbour Discovery for the address; that node's service proxy carries the traffic on.
"""

_MORE = """\
examples:
  l2announcer run                                   in a Pod, with its service account
  l2announcer run --kubeconfig /etc/l2announcer/kubeconfig --node-name worker-1
  l2announcer run --config /etc/l2announcer/config.yaml
  l2announcer status                                what is announced here, what is not, and why
  l2announcer explain web/shop                      the same of one Service, in full
  l2announcer ipam                                  pools, who has what address, who waits and why
  l2announcer ipam plan -f pool.yaml                what would an edited pool change?
  l2announcer move web/shop --to worker-2           have another node announce it
  curl -s 'http://127.0.0.1:9480/readyz?verbose'    does it do its work?

'l2announcer run --help' lists the settings, each with its flag, environment variable and key.

exit codes: 0 done, 1 failed, 2 wrong usage or settings, or a missing right
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code; SystemExit for wrong usage, help and version."""
    parser = argparse.ArgumentParser(
        prog="l2announcer",
        description=_ABOUT,
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"l2announcer {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name, command in _COMMANDS.items():
        command.describe(commands.add_parser(name, help=command.SUMMARY, allow_abbrev=False))
    options, unknown = parser.parse_known_args(argv)
    if unknown:
        name = unknown[0].partition("=")[0]
        flags = _COMMANDS[options.command].known_flags() if options.command else []
        parser.error(f"there is no argument '{name}'{suggestion(name, flags)}")
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    return int(options.execute(options))

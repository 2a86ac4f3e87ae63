"""The demo's own small client: the few commands of kubectl that the guide uses.

    python -m tests.lab.demo.kubectl get nodes|services|leases|pods|... [-n NAMESPACE | -A]
    python -m tests.lab.demo.kubectl apply -f FILE
    python -m tests.lab.demo.kubectl describe KIND NAME [-n NAMESPACE]

It reads the file that KUBECONFIG names (one context, a bearer token, plain HTTP).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

from tests.lab.api import Api, ApiError, Object
from tests.lab.demo.tables import description, table


class UsageError(Exception):
    """The command line is wrong, or names a kind that the server does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind that the server serves, as its discovery tells."""

    group_version: str
    kind: str
    plural: str
    namespaced: bool
    names: frozenset[str]

    @property
    def root(self) -> str:
        return f"/{'apis' if '/' in self.group_version else 'api'}/{self.group_version}"

    @property
    def group(self) -> str:
        return self.group_version.rpartition("/")[0]

    @property
    def shown(self) -> str:
        """`deployment.apps`, as kubectl names an object's kind."""
        name = self.kind.lower()
        return f"{name}.{self.group}" if self.group else name

    def path(self, namespace: str | None, name: str = "") -> str:
        """Of all objects in a namespace (None: in all namespaces), or of one."""
        place = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.root}{place}/{self.plural}" + (f"/{name}" if name else "")


def resources(api: Api) -> Iterator[Resource]:
    """Everything that the server serves, preferred versions first."""
    versions = ["v1"]
    groups = api.get("/apis")["groups"]
    versions += [group["preferredVersion"]["groupVersion"] for group in groups]
    versions += [
        entry["groupVersion"]
        for group in groups
        for entry in group["versions"]
        if entry["groupVersion"] not in versions
    ]
    for version in versions:
        root = "/apis" if "/" in version else "/api"
        for entry in api.get(f"{root}/{version}")["resources"]:
            if "/" in entry["name"]:
                continue
            words = [entry["name"], entry["kind"].lower(), *entry.get("shortNames", ())]
            group = version.rpartition("/")[0]
            yield Resource(
                group_version=version,
                kind=entry["kind"],
                plural=entry["name"],
                namespaced=entry["namespaced"],
                names=frozenset([*words, f"{entry['name']}.{group}", entry.get("singularName")]),
            )


def kubectl(api: Api, arguments: Sequence[str]) -> str:
    """What a command prints; UsageError or ApiError when it cannot be done."""
    options = _parser().parse_args(arguments)
    match options.command:
        case "get":
            return _get(api, options)
        case "apply":
            return "".join(_apply(api, options))
        case _:
            return _describe(api, options)


def _get(api: Api, options: argparse.Namespace) -> str:
    resource = _resource(api, options.kind)
    namespace = None if options.all_namespaces else options.namespace
    if options.name:
        found = [api.get(resource.path(namespace, options.name))]
    else:
        found = api.items(resource.path(namespace))
    if not found:
        return "No resources found\n"
    return table(
        resource.kind, found, with_namespace=options.all_namespaces and resource.namespaced
    )


def _apply(api: Api, options: argparse.Namespace) -> Iterator[str]:
    known = list(resources(api))
    for wanted in yaml.safe_load_all(options.filename.read_text()):
        resource = next(
            (
                entry
                for entry in known
                if (entry.group_version, entry.kind) == (wanted["apiVersion"], wanted["kind"])
            ),
            None,
        )
        if resource is None:
            raise UsageError(
                f'no matches for kind "{wanted["kind"]}" in version "{wanted["apiVersion"]}"'
            )
        namespace = wanted["metadata"].get("namespace", options.namespace)
        name = wanted["metadata"]["name"]
        yield f"{resource.shown}/{name} {_applied(api, resource, namespace, wanted)}\n"


def _applied(api: Api, resource: Resource, namespace: str, wanted: Object) -> str:
    path = resource.path(namespace, wanted["metadata"]["name"])
    try:
        before = api.get(path)
    except ApiError as error:
        if error.code != 404:
            raise
        api.create(resource.path(namespace), wanted)
        return "created"
    after = api.merge(path, wanted)
    unchanged = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    return "unchanged" if unchanged else "configured"


def _describe(api: Api, options: argparse.Namespace) -> str:
    resource = _resource(api, options.kind)
    found = api.get(resource.path(options.namespace, options.name))
    events = api.items(f"/api/v1/events?fieldSelector=involvedObject.name={options.name}")
    about = [event for event in events if event["involvedObject"]["kind"] == resource.kind]
    return description(found, about)


def _resource(api: Api, word: str) -> Resource:
    for resource in resources(api):
        if word.lower() in resource.names:
            return resource
    raise UsageError(f'the server doesn\'t have a resource type "{word}"')


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n{__doc__}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="kubectl", add_help=False)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    get = commands.add_parser("get")
    get.add_argument("kind")
    get.add_argument("name", nargs="?", default="")
    get.add_argument("-A", "--all-namespaces", action="store_true")
    apply = commands.add_parser("apply")
    apply.add_argument("-f", "--filename", type=Path, required=True)
    describe = commands.add_parser("describe")
    describe.add_argument("kind")
    describe.add_argument("name")
    for command in (get, apply, describe):
        command.add_argument("-n", "--namespace", default="default")
    return parser


def main() -> int:
    config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    api = Api(config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"])
    try:
        print(kubectl(api, sys.argv[1:]), end="")
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (ApiError, OSError) as error:
        print(f"Error from server: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""An announcement policy, checked and compiled once; what is wrong with it becomes a condition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from l2announcer.core.model import Key, Policy
from l2announcer.core.selectors import (
    InterfacePatterns,
    Matcher,
    Problem,
    compile_patterns,
    compile_selector,
)
from l2announcer.core.views import View

BAD_NODE_SELECTOR = "io.cilium/bad-node-selector"
BAD_INTERFACE_REGEX = "io.cilium/bad-interface-regex"
BAD_SERVICE_SELECTOR = "io.cilium/bad-service-selector"
CONDITION_TYPES = frozenset({BAD_NODE_SELECTOR, BAD_INTERFACE_REGEX, BAD_SERVICE_SELECTOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPolicy:
    """A policy without problems, ready to be asked."""

    policy: Policy
    nodes: Matcher
    services: Matcher
    interfaces: InterfacePatterns

    @property
    def name(self) -> str:
        return self.policy.key.name


def compile_policy(policy: Policy) -> CompiledPolicy | dict[str, Problem]:
    """Check and compile; problems come by the type of the condition that tells of them."""
    nodes = compile_selector(policy.node_selector, "nodeSelector")
    services = compile_selector(policy.service_selector, "serviceSelector")
    interfaces = compile_patterns(policy.interfaces, "interfaces")
    if (
        isinstance(nodes, Matcher)
        and isinstance(services, Matcher)
        and isinstance(interfaces, InterfacePatterns)
    ):
        return CompiledPolicy(policy=policy, nodes=nodes, services=services, interfaces=interfaces)
    found = {
        BAD_NODE_SELECTOR: nodes,
        BAD_INTERFACE_REGEX: interfaces,
        BAD_SERVICE_SELECTOR: services,
    }
    return {type_: problem for type_, problem in found.items() if isinstance(problem, Problem)}


class PolicyBook:
    """All policies: which are in force, and what is wrong with the others.

    A policy that is edited into something bad keeps its last good version in force.
    """

    def __init__(self) -> None:
        self.view: View[Policy] = View()
        self.problems: dict[Key, dict[str, Problem]] = {}
        self._in_force: dict[Key, CompiledPolicy] = {}

    def replace(self, policies: Iterable[Policy], version: str, *, restored: bool = False) -> None:
        for key in self.view.replace(policies, version, restored=restored):
            self._judge(key)

    def see(self, policy: Policy) -> bool:
        seen = self.view.see(policy)
        if seen:
            self._judge(policy.key)
        return seen

    def forget(self, key: Key, version: str) -> bool:
        forgotten = self.view.forget(key, version)
        if forgotten:
            self._judge(key)
        return forgotten

    @property
    def in_force(self) -> list[CompiledPolicy]:
        """In the order of their names, so that reasons read the same on every node."""
        return [self._in_force[key] for key in sorted(self._in_force)]

    def _judge(self, key: Key) -> None:
        policy = self.view.get(key)
        if policy is None:
            self._in_force.pop(key, None)
            self.problems.pop(key, None)
            return
        compiled = compile_policy(policy)
        if isinstance(compiled, CompiledPolicy):
            self._in_force[key] = compiled
            self.problems.pop(key, None)
        else:
            self.problems[key] = compiled

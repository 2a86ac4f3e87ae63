"""An announcement policy, checked and compiled once; what is wrong with it becomes a condition."""

from __future__ import annotations

from dataclasses import dataclass

from l2announcer.core.model import Policy
from l2announcer.core.selectors import (
    InterfacePatterns,
    Matcher,
    Problem,
    compile_patterns,
    compile_selector,
)

BAD_NODE_SELECTOR = "io.cilium/bad-node-selector"
BAD_INTERFACE_REGEX = "io.cilium/bad-interface-regex"
BAD_SERVICE_SELECTOR = "io.cilium/bad-service-selector"


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

"""Which node, judged from afar, is on its way out; and whom it gives way to.

What makes answering impossible here is decided in selection.py: such a node drops out at once. The
node that this file is about could still answer, but something says that it soon can't, or shan't.

Rules of this file:
- Such a node is leaving: it says so in every Lease that it holds, and goes on answering for it.
- It comes last in the order of candidates (core.roster), and takes what is free when that comes to
  its turn: where no other takes part at once, since somebody must answer. (kubeadm excludes every
  control plane from load balancers, a cluster's only node too.)
- Of a single Service a node is leaving that another would serve better (core.endpoints).
- What isn't known of a node (no such condition yet) counts for it.
- A node is degraded while it cannot use an interface that a policy for it names by pattern, and
  ranks below those that are whole. A policy that names none means whatever is there, so that
  nothing can be missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from l2announcer.core.cluster import Changes, Cluster
from l2announcer.core.contest import Contest
from l2announcer.core.effects import Effects, Transition
from l2announcer.core.model import Link, Node
from l2announcer.core.policy import CompiledPolicy
from l2announcer.core.selection import Reason, unusable
from l2announcer.core.terms import Terms

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
TAINTS = {
    "node.kubernetes.io/out-of-service": "is out of service",
    "node.cloudprovider.kubernetes.io/shutdown": "is shut down",
    "ToBeDeletedByClusterAutoscaler": "is to be removed by the cluster autoscaler",
}


def judge(node: Node) -> tuple[Reason, ...]:
    """Every reason for which a node is leaving; none is a node that may take what is free.

    Labels, taints and conditions are Kubernetes' well-known ones (kubernetes.io, Well-Known Labels,
    Annotations and Taints; Node Status).
    """
    return tuple(Reason(f"Node {node.key.name}", sentence) for sentence in _sentences(node))


def _sentences(node: Node) -> Iterator[str]:
    if node.deleting:
        yield "is being deleted"
    match node.conditions.get("Ready"):
        case "True" | None:
            pass
        case "False":
            yield "is not ready: its kubelet says so"
        case _:
            yield "is not known to be ready: its kubelet has not been heard of lately"
    if node.conditions.get("NetworkUnavailable") == "True":
        yield "has no working pod network (NetworkUnavailable)"
    if node.unschedulable:
        yield "is cordoned: kubectl uncordon lets it take part again"
    if EXCLUDED in node.labels:
        yield f"has the label {EXCLUDED}"
    for key in sorted({taint.key for taint in node.taints} & TAINTS.keys()):
        yield f"{TAINTS[key]} (taint {key})"


def lacks(
    policies: Iterable[CompiledPolicy], node: Node | None, links: Iterable[Link]
) -> tuple[Reason, ...]:
    """Every interface that a policy for this node names, and that it cannot use, with the cause."""
    if node is None:
        return ()
    named = [
        policy
        for policy in policies
        if policy.policy.interfaces and policy.nodes.matches(node.labels)
    ]
    whole = [link for link in links if link.ethernet and not link.loopback and not link.master]
    return tuple(
        Reason(f"interface {link.name}", why)
        for link in whole
        if any(policy.interfaces.matches(link.name) for policy in named)
        for why in (*unusable(link), *(each.why for each in link.unheard))
    )


class Eligibility:
    """This node's standing among the others.

    `reasons` say why it is leaving, if it is; `lacks` why it is degraded.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.reasons: tuple[Reason, ...] = ()
        self.lacks: tuple[Reason, ...] = ()
        self._cluster = cluster

    def update(self, changes: Changes, out: Effects) -> bool:
        """Take in what changed; True: every contest is to be looked at again."""
        if not changes.nodes and not changes.everything:
            return False
        cluster = self._cluster
        own, before = cluster.node, self.reasons
        if changes.everything:
            self.lacks = lacks(cluster.policies.in_force, own, cluster.links or ())
        self.reasons = judge(own) if own is not None else ()
        if self.reasons != before:
            why = "; ".join(str(reason) for reason in self.reasons)
            what = "leaving" if why else "staying"
            out.transitions.append(Transition(what, why or "this node may take Leases again"))
        return bool(self.reasons or before)

    def terms_for(self, contest: Contest, terms: Terms) -> Terms:
        """The terms on which this node takes part in one contest."""
        # All that are announced as a group say alike; who is held with them has nothing to say.
        saying = next((each for each in contest.group if each.candidacies), contest)
        if not any(each.selection.leaving for each in saying.candidacies.values()):
            return terms
        return replace(terms, holding=replace(terms.holding, leaving=True))

"""The steps of the guide, from pending to curl; each is checked against the fact."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import partial

from tests.lab.cluster import CONTROL_PLANE, HEALTH_PORT, PLANS, WORKERS, Cluster
from tests.lab.demo.console import Console
from tests.lab.namespaces import Namespace
from tests.lab.pods import ROOT

EXAMPLES = "config/examples"
SERVICES = "/api/v1/namespaces/default/services"
APPS = {"app1": "172.19.0.240", "app2": "172.19.0.241"}
EXTERNAL = "172.19.0.200"
START_SECONDS = 30
SETTLE_SECONDS = 20


class Guide:
    """Walks through the guide in a cluster whose daemons do not run yet."""

    def __init__(self, cluster: Cluster, console: Console) -> None:
        self.cluster = cluster
        self.console = console
        self._fetch = ["curl", "-sS"]
        if shutil.which("curl") is None:
            console.say("(this machine has no curl: a tiny HTTP GET of our own stands in for it)")
            self._fetch = [sys.executable, "-m", "tests.lab.demo.http_get"]

    def walk(self) -> None:
        """DemoError, LabError or ApiError at the first step that does not hold."""
        self._nodes()
        self._prerequisites()
        self._daemons()
        self._applications()
        self._addresses()
        self._nobody_answers()
        self._policy()
        self._leases()
        self._answers()
        self._neighbours()
        self._external_address()

    def kubectl(self, *arguments: str) -> str:
        output = self.cluster.control_plane.kubectl(arguments)
        self.console.command("", f"kubectl {' '.join(arguments)}", output)
        return output

    def run(self, place: Namespace, *command: str) -> subprocess.CompletedProcess[str]:
        """Run and show a command in a node or the client, whatever its exit code."""
        result = place.run(command, check=False)
        words = ["python" if word == sys.executable else word for word in command]
        self.console.command(place.name, " ".join(words), result.stdout + result.stderr)
        return result

    def neighbour(self, address: str) -> str:
        """The MAC that the client has for an address; empty when it has none."""
        words = self.cluster.client.run(["ip", "neigh", "show", address]).stdout.split()
        return words[words.index("lladdr") + 1] if "lladdr" in words else ""

    def show_holder(self, app: str, address: str) -> None:
        """The client's neighbour entry beside the holder's own interface: one MAC in both."""
        holder = self.cluster.holder(f"{app}-service")
        self.cluster.until(
            f"the client's neighbour entry for {address} has the MAC of {holder}",
            lambda: self.neighbour(address) == PLANS[holder].mac,
            SETTLE_SECONDS,
        )
        self.run(self.cluster.client, "ip", "neigh", "show", address)
        shown = self.run(self.cluster.nodes[holder], "ip", "addr", "show", "eth0").stdout
        mac = self.neighbour(address)
        self.console.require(
            f"{address} ({app}) is at {mac}, which is eth0 of {holder}, the holder of its Lease",
            holds=f"link/ether {mac} " in shown,
            otherwise=f"the client has {mac} for {address}, but eth0 of its holder {holder} has"
            f" another MAC",
        )

    def _nodes(self) -> None:
        self.console.step("The nodes")
        output = self.kubectl("get", "nodes")
        self.console.require(
            "three nodes are Ready",
            holds=output.count(" Ready ") == len(PLANS),
            otherwise="not all three nodes are Ready",
        )

    def _prerequisites(self) -> None:
        manifests = self.cluster.control_plane.manifests
        if manifests:
            self.console.step("What the daemons need: Cilium's definitions, and their rights")
            for path in manifests:
                self.apply(path)

    def _daemons(self) -> None:
        self.console.step("One daemon on each node, ready for work")
        for name in PLANS:
            self.cluster.start_daemon(name)
            self.console.command(name, f"NODE_NAME={name} python -m l2announcer run &", "")
        for name, plan in PLANS.items():
            self.cluster.until(
                f"the daemon of {name} is ready",
                partial(self.cluster.ready, name),
                START_SECONDS,
            )
            url = f"http://{plan.address}:{HEALTH_PORT}/readyz"
            result = self.run(self.cluster.client, *self._fetch, url)
            self.console.require(
                f"the daemon of {name} is ready",
                holds=result.returncode == 0 and result.stdout.strip() == "ok",
                otherwise=f"the daemon of {name} does not say ok on {url}",
            )

    def _applications(self) -> None:
        self.console.step("Two applications, each with a Service of type LoadBalancer")
        self.apply(f"{EXAMPLES}/apps-and-svcs.yaml")
        self.cluster.until("both Pods run", self._pods_run, SETTLE_SECONDS)
        self.kubectl("get", "pods")
        output = self.kubectl("get", "svc")
        self.console.require(
            "nobody gives out addresses yet: EXTERNAL-IP is <pending>",
            holds=output.count("<pending>") == len(APPS),
            otherwise="EXTERNAL-IP of app1-service and app2-service is not <pending>",
        )

    def _addresses(self) -> None:
        self.console.step("A pool of addresses: the Services get theirs")
        self.apply(f"{EXAMPLES}/ipam.yaml")
        for app in APPS:
            self.cluster.until(
                f"{app}-service has an address", partial(self._given, app), SETTLE_SECONDS
            )
        self.kubectl("get", "svc")
        for app, address in APPS.items():
            given = self._given(app)
            self.console.require(
                f"{app}-service has {address}",
                holds=given == [address],
                otherwise=f"{app}-service should have {address}, and has {', '.join(given)}",
            )

    def _nobody_answers(self) -> None:
        self.console.step("No policy, no answer: the address is not reachable")
        address = APPS["app1"]
        client = self.cluster.client
        result = self.run(client, *self._fetch, "--max-time", "2", address)
        entry = self.run(client, "ip", "neigh", "show", address).stdout
        self.console.require(
            "the request fails, and the client's neighbour entry is unresolved",
            holds=result.returncode != 0 and ("FAILED" in entry or "INCOMPLETE" in entry),
            otherwise=f"{address} is answered before any policy asks for it: {entry.strip()}",
        )

    def _policy(self) -> None:
        self.console.step("A policy: workers announce the Services labelled app: myapp")
        self.apply(f"{EXAMPLES}/l2announce.yaml")
        output = self.kubectl("describe", "ciliuml2announcementpolicy", "l2announce-policy")
        # kubectl makes words of the fields' names: "External I Ps"
        told = output.replace(" ", "")
        self.console.require(
            "the policy announces load balancer and external addresses on ^eth[0-9]+",
            holds=all(
                words in told
                for words in ("ExternalIPs:true", "LoadBalancerIPs:true", "^eth[0-9]+")
            ),
            otherwise="the API server did not keep the policy as it was applied",
        )

    def _leases(self) -> None:
        self.console.step("One Lease for each Service says which node answers")
        for app in APPS:
            self.cluster.until(
                f"the Lease of {app}-service has a holder",
                partial(self.cluster.holder, f"{app}-service"),
                SETTLE_SECONDS,
            )
        self.kubectl("get", "lease", "-n", "kube-system")
        holders = {app: self.cluster.holder(f"{app}-service") for app in APPS}
        self.console.require(
            f"the holders are workers, as the policy wants: not {CONTROL_PLANE}",
            holds=set(holders.values()) <= set(WORKERS),
            otherwise=f"the Leases have holders that the policy excludes: {holders}",
        )

    def _answers(self) -> None:
        self.console.step("The applications answer")
        for app, address in APPS.items():
            self.answered(address, f'"This is {app}"')

    def _neighbours(self) -> None:
        self.console.step("The client's neighbour table names the holder's MAC")
        for app, address in APPS.items():
            self.show_holder(app, address)

    def _external_address(self) -> None:
        self.console.step("A Service with an address that you chose yourself (externalIPs)")
        self.apply(f"{EXAMPLES}/external-ip.yaml")
        self.cluster.until(
            "the Lease of app2-external has a holder",
            lambda: self.cluster.holder("app2-external"),
            SETTLE_SECONDS,
        )
        self.kubectl("get", "svc")
        self.answered(EXTERNAL, '"This is app2"')

    def apply(self, path: str) -> None:
        output = self.cluster.control_plane.kubectl(["apply", "-f", str(ROOT / path)])
        self.console.command("", f"kubectl apply -f {path}", output)

    def answered(self, address: str, text: str) -> None:
        """The client gets this text, and a line feed, from an address."""
        client = self.cluster.client
        self.cluster.until(
            f"the nodes' service proxies know {address}",
            lambda: self.cluster.control_plane.translates(address),
            SETTLE_SECONDS,
        )
        self.cluster.until(
            f"{address} answers",
            lambda: client.run([*self._fetch, "--max-time", "2", address], check=False).stdout,
            SETTLE_SECONDS,
        )
        result = self.run(client, *self._fetch, "--max-time", "2", address)
        self.console.require(
            f"{address} answers {text}",
            holds=result.stdout == f"{text}\n",
            otherwise=f"{address} should answer {text}, and answers {result.stdout!r}",
        )

    def _pods_run(self) -> bool:
        pods = self.cluster.api.items("/api/v1/namespaces/default/pods")
        return [pod.get("status", {}).get("phase") for pod in pods] == ["Running"] * len(APPS)

    def _given(self, app: str) -> list[str]:
        service = self.cluster.api.get(f"{SERVICES}/{app}-service")
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", ())
        return [entry["ip"] for entry in ingress]

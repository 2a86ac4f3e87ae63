"""Defaulting, allocation and validation of Services.

Cluster addresses come from 10.96.0.0/16 and node ports from 30000 to 32767, in order and so
without chance; the real server draws lots.
"""

import ipaddress
from collections.abc import Iterator
from typing import Any, Final

from tests.fakes.causes import Cause, bad_value, forbidden_field, required, shown
from tests.fakes.refusals import Refusal, UndecodableError
from tests.fakes.resources import Object

CLUSTER_ADDRESSES: Final = ipaddress.IPv4Network("10.96.0.0/16")
NODE_PORTS: Final = range(30000, 32768)
_HEADLESS: Final = "None"
_BALANCED: Final = "LoadBalancer"
_INGRESS_MODES: Final = ("Proxy", "VIP")
_WITH_NODE_PORTS: Final = frozenset({"NodePort", _BALANCED})


class ServiceRules:
    """Remembers which cluster addresses and node ports the stored Services have."""

    def __init__(self) -> None:
        self._addresses: set[str] = set()
        self._ports: set[int] = set()
        self._cursor = 1

    def stored(self, new: Object | None, old: Object | None) -> None:
        """A Service was written: what it had is free, what it has is taken."""
        if old is not None:
            self._addresses.discard(old["spec"].get("clusterIP", ""))
            self._ports -= _ports_of(old)
        if new is not None:
            self._addresses.add(new["spec"].get("clusterIP", ""))
            self._ports |= _ports_of(new)
            self._addresses -= {"", _HEADLESS}

    def admit(self, new: Object, old: Object | None) -> Iterator[Cause]:
        spec = new.setdefault("spec", {})
        if not isinstance(spec.get("ports"), list | None):
            why = "json: cannot unmarshal into Go struct field ServiceSpec.spec.ports"
            raise UndecodableError("Service", "v1", why)
        if old is None:
            new["status"] = {"loadBalancer": {}}
        _set_plain_defaults(spec)
        if spec["type"] == "ExternalName":
            yield from _external_name(spec)
            return
        was = old["spec"] if old is not None else {}
        if was:
            _drop_of_the_old_type(spec, was)
        yield from _type_problems(spec)
        yield from self._address(spec, was)
        yield from self._node_ports(spec, old)
        yield from _port_problems(spec)
        yield from _class_problems(spec, was)
        yield from _status(new, was)

    def _address(self, spec: dict[str, Any], was: dict[str, Any]) -> Iterator[Cause]:
        before = was.get("clusterIP", "")
        address = spec.get("clusterIP") or (spec.get("clusterIPs") or [""])[0] or before
        if before and address != before:
            yield bad_value("spec.clusterIPs[0]", [address], "may not change once set")
            return
        if not address:
            address = self._free_address()
        elif address not in {before, _HEADLESS}:
            yield from self._chosen(address)
        spec["clusterIP"] = address
        spec["clusterIPs"] = [address]
        both = address == _HEADLESS and not spec.get("selector")
        spec.setdefault("ipFamilies", ["IPv4", "IPv6"] if both else ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "RequireDualStack" if both else "SingleStack")

    def _free_address(self) -> str:
        """The next address that is free; one that was freed comes again after all others."""
        for _ in range(CLUSTER_ADDRESSES.num_addresses):
            self._cursor = self._cursor % (CLUSTER_ADDRESSES.num_addresses - 2) + 1
            address = str(CLUSTER_ADDRESSES[self._cursor])
            if address not in self._addresses:
                return address
        raise Refusal(500, "InternalError", "failed to allocate a serviceIP: range is full")

    def _chosen(self, address: str) -> Iterator[Cause]:
        try:
            inside = ipaddress.ip_address(address) in CLUSTER_ADDRESSES
        except ValueError:
            yield bad_value("spec.clusterIPs[0]", address, "must be a valid IP address")
            return
        why = "provided IP is already allocated"
        if not inside:
            why = (
                "the provided IP is not in the valid range. The range of valid IPs is "
                f"{CLUSTER_ADDRESSES}"
            )
        elif address not in self._addresses:
            return
        text = f'Invalid value: []string{{"{address}"}}: failed to allocate IP {address}: {why}'
        yield Cause(field="spec.clusterIPs", reason="FieldValueInvalid", text=text)

    def _node_ports(self, spec: dict[str, Any], old: Object | None) -> Iterator[Cause]:
        ports = spec.get("ports") or []
        kind = spec["type"]
        if kind not in _WITH_NODE_PORTS:
            if old is not None and old["spec"]["type"] in _WITH_NODE_PORTS:
                for port in ports:
                    port.pop("nodePort", None)
            return
        before = {
            (port["protocol"], port["port"]): port["nodePort"]
            for port in (old["spec"].get("ports") or () if old is not None else ())
            if port.get("nodePort")
        }
        own = set(before.values())
        wanted = kind == "NodePort" or spec.get("allocateLoadBalancerNodePorts", True)
        taken = self._ports - own
        for index, port in enumerate(ports):
            chosen = port.get("nodePort")
            if not chosen and wanted:
                chosen = before.get((port.get("protocol"), port.get("port")))
            if chosen and chosen in taken:
                field = f"spec.ports[{index}].nodePort"
                yield bad_value(field, chosen, "provided port is already allocated")
            elif chosen and chosen not in NODE_PORTS:
                text = (
                    "provided port is not in the valid range. The range of valid ports is "
                    f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
                )
                yield bad_value(f"spec.ports[{index}].nodePort", chosen, text)
            elif not chosen and wanted:
                chosen = _free_port(taken | own)
            if chosen:
                port["nodePort"] = chosen
                taken = taken | {chosen}
        if kind == _BALANCED and spec.get("externalTrafficPolicy") == "Local":
            kept = old["spec"].get("healthCheckNodePort") if old is not None else None
            chosen = spec.get("healthCheckNodePort") or kept or _free_port(taken | own)
            spec["healthCheckNodePort"] = chosen


def _free_port(taken: set[int]) -> int:
    for number in NODE_PORTS:
        if number not in taken:
            return number
    raise Refusal(500, "InternalError", "failed to allocate a nodePort: range is full")


def _ports_of(service: Object) -> set[int]:
    spec = service["spec"]
    ports = {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}
    return ports | ({spec["healthCheckNodePort"]} if spec.get("healthCheckNodePort") else set())


def _set_plain_defaults(spec: dict[str, Any]) -> None:
    for field in [field for field, value in spec.items() if value in (None, [], {})]:
        del spec[field]
    kind = spec.setdefault("type", "ClusterIP")
    if spec.setdefault("sessionAffinity", "None") == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10800}})
    else:
        spec.pop("sessionAffinityConfig", None)
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    if kind == "ExternalName":
        return
    spec.setdefault("internalTrafficPolicy", "Cluster")
    if _is_external(spec):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind == _BALANCED:
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _is_external(spec: dict[str, Any]) -> bool:
    return spec.get("type") in _WITH_NODE_PORTS or bool(spec.get("externalIPs"))


def _drop_of_the_old_type(spec: dict[str, Any], was: dict[str, Any]) -> None:
    """What the former type asked for and the new one forbids goes, unless the writer changed it."""
    former = was.get("type", "")
    for field, applied, applies in (
        ("externalTrafficPolicy", _is_external(was), _is_external(spec)),
        ("allocateLoadBalancerNodePorts", former == _BALANCED, spec["type"] == _BALANCED),
        ("loadBalancerClass", former == _BALANCED, spec["type"] == _BALANCED),
        ("healthCheckNodePort", _checks_health(was), _checks_health(spec)),
    ):
        if applied and not applies and spec.get(field) == was.get(field):
            spec.pop(field, None)


def _checks_health(spec: dict[str, Any]) -> bool:
    return spec.get("type") == _BALANCED and spec.get("externalTrafficPolicy") == "Local"


def _type_problems(spec: dict[str, Any]) -> Iterator[Cause]:
    if spec.get("externalTrafficPolicy") and not _is_external(spec):
        text = "may only be set for externally-accessible services"
        yield bad_value("spec.externalTrafficPolicy", spec["externalTrafficPolicy"], text)
    if spec["type"] in _WITH_NODE_PORTS and spec.get("clusterIP") == _HEADLESS:
        text = f"may not be set to 'None' for {spec['type']} services"
        yield bad_value("spec.clusterIPs[0]", _HEADLESS, text)
    if spec["type"] != _BALANCED and "allocateLoadBalancerNodePorts" in spec:
        text = "may only be used when `type` is 'LoadBalancer'"
        yield forbidden_field("spec.allocateLoadBalancerNodePorts", text)


def _external_name(spec: dict[str, Any]) -> Iterator[Cause]:
    for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        spec.pop(field, None)
    if not spec.get("externalName"):
        yield required("spec.externalName")


def _port_problems(spec: dict[str, Any]) -> Iterator[Cause]:
    ports = spec.get("ports") or []
    if not ports and spec.get("clusterIP") != _HEADLESS:
        yield required("spec.ports")
    for index, port in enumerate(ports):
        number = port.get("port")
        if not isinstance(number, int) or not 0 < number < 2**16:
            text = "must be between 1 and 65535, inclusive"
            yield bad_value(f"spec.ports[{index}].port", number or 0, text)
        if len(ports) > 1 and not port.get("name"):
            yield required(f"spec.ports[{index}].name")


def _class_problems(spec: dict[str, Any], was: dict[str, Any]) -> Iterator[Cause]:
    name = spec.get("loadBalancerClass")
    field = "spec.loadBalancerClass"
    if spec["type"] != _BALANCED:
        if name is not None:
            yield forbidden_field(field, "may only be used when `type` is 'LoadBalancer'")
    elif was.get("type") == _BALANCED and was.get("loadBalancerClass") != name:
        yield bad_value(field, name, "may not change once set")


def _status(service: Object, was: dict[str, Any]) -> Iterator[Cause]:
    status = service["status"] = dict(service.get("status") or {})
    status["loadBalancer"] = {
        field: value for field, value in (status.get("loadBalancer") or {}).items() if value
    }
    balances = service["spec"]["type"] == _BALANCED
    if was.get("type") == _BALANCED and not balances:
        service["status"] = status | {"loadBalancer": {}}
        return
    ingress = status["loadBalancer"].get("ingress") or []
    field = "status.loadBalancer.ingress"
    if ingress and not balances:
        yield forbidden_field(field, 'may only be used when `spec.type` is "LoadBalancer"')
        return
    for index, entry in enumerate(ingress):
        yield from _ingress(entry, f"{field}[{index}]")


def _ingress(entry: dict[str, Any], field: str) -> Iterator[Cause]:
    address = entry.get("ip")
    if not address:
        if entry.get("ipMode"):
            yield forbidden_field(f"{field}.ipMode", "may not be specified when `ip` is not set")
        return
    if entry.setdefault("ipMode", "VIP") not in _INGRESS_MODES:
        seen, listed = shown(entry["ipMode"]), ", ".join(map(shown, _INGRESS_MODES))
        text = f"Unsupported value: {seen}: supported values: {listed}"
        yield Cause(field=f"{field}.ipMode", reason="FieldValueNotSupported", text=text)
    try:
        ipaddress.ip_address(address)
    except ValueError:
        text = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield bad_value(f"{field}.ip", address, text)

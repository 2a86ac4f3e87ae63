"""Settings: names, sources and their precedence, and one sentence for whatever is wrong."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from l2announcer.settings import (
    OPTIONS,
    File,
    ListenAddress,
    LogFormat,
    LogLevel,
    Settings,
    WrongSettingsError,
    load,
)
from tests import settings_table


def loaded(
    *,
    flags: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    text: str | None = None,
    host_name: str = "worker-1",
) -> Settings:
    file = None if text is None else File("l2.yaml", text)
    return load(flags=flags or {}, environ=environ or {}, file=file, host_name=host_name)


def problems(
    *,
    flags: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    text: str | None = None,
    host_name: str = "worker-1",
) -> list[str]:
    with pytest.raises(WrongSettingsError) as caught:
        loaded(flags=flags, environ=environ, text=text, host_name=host_name)
    return list(caught.value.problems)


def test_defaults() -> None:
    settings = loaded()
    assert settings == Settings(node_name="worker-1")
    assert (
        settings.lease_duration,
        settings.lease_renew_deadline,
        settings.lease_retry_period,
    ) == (15, 5, 2)
    assert settings.listen == ListenAddress(None, 9480)
    assert settings.lb_ipam
    assert not settings.status_public


def test_one_name_gives_flag_variable_and_key() -> None:
    names = {option.name: (option.flag, option.variable, option.key) for option in OPTIONS}
    assert names["lease_duration"] == (
        "--lease-duration",
        "L2ANNOUNCER_LEASE_DURATION",
        "leaseDuration",
    )
    assert names["k8s_client_rate_limit_qps"] == (
        "--k8s-client-rate-limit-qps",
        "L2ANNOUNCER_K8S_CLIENT_RATE_LIMIT_QPS",
        "k8sClientRateLimit.qps",
    )
    assert names["k8s_service_host"][2] == "k8sServiceHost"
    assert names["lb_ipam"][2] == "lbIpam"


def test_flag_before_environment_before_file_before_default() -> None:
    text = "leaseDuration: 20s\n"
    environ = {"L2ANNOUNCER_LEASE_DURATION": "30s"}
    assert loaded(text=text).lease_duration == 20
    assert loaded(text=text, environ=environ).lease_duration == 30
    flags = {"lease_duration": "40s"}
    assert loaded(text=text, environ=environ, flags=flags).lease_duration == 40


def test_an_empty_value_is_no_value() -> None:
    settings = loaded(
        flags={"lease_namespace": ""},
        environ={"L2ANNOUNCER_LEASE_NAMESPACE": "", "L2ANNOUNCER_LEASE_DURATION": ""},
        text='leaseNamespace: other\nleaseDuration:\nnodeName: ""\nk8sClientRateLimit:\n',
    )
    assert settings.lease_namespace == "other"
    assert settings.lease_duration == 15
    assert settings.node_name == "worker-1"


def test_node_name_as_kubernetes_passes_it_and_as_kubelet_derives_it() -> None:
    assert loaded(host_name="Worker-1.lan").node_name == "worker-1.lan"
    assert loaded(environ={"NODE_NAME": "n1"}, text="nodeName: n2").node_name == "n1"
    ours = {"NODE_NAME": "n1", "L2ANNOUNCER_NODE_NAME": "n3"}
    assert loaded(environ=ours).node_name == "n3"
    assert problems(host_name="my_host") == [
        (
            "the host's name 'my_host' is not a Kubernetes name (lower-case letters, digits, '-'"
            " and '.'): set nodeName"
        )
    ]


def test_kubeconfig_as_kubectl_reads_it() -> None:
    assert loaded(environ={"KUBECONFIG": "/a:/b"}).kubeconfig == "/a:/b"


@pytest.mark.parametrize(
    "text",
    [
        "k8sClientRateLimit:\n  qps: 5\n  burst: 7\n",
        "k8sClientRateLimit: {qps: 5.0, burst: 7}\n",
        "k8sClientRateLimit.qps: 5\nk8sClientRateLimit.burst: 7\n",
    ],
)
def test_nested_and_dotted_keys(text: str) -> None:
    settings = loaded(text=text)
    assert settings.k8s_client_rate_limit_qps == 5
    assert settings.k8s_client_rate_limit_burst == 7


def test_every_kind_from_the_file() -> None:
    settings = loaded(
        text="lbIpam: no\nlogLevel: debug\nlogFormat: json\nlisten: '[::1]:80'\n"
        "k8sServiceHost: 10.0.0.1\nk8sServicePort: 6443\nnodeName: 1234\naddressRest: 90\n"
    )
    assert settings.lb_ipam is False
    assert settings.log_level is LogLevel.DEBUG
    assert settings.log_format is LogFormat.JSON
    assert settings.listen == ListenAddress("::1", 80)
    assert (settings.k8s_service_host, settings.k8s_service_port) == ("10.0.0.1", 6443)
    assert settings.node_name == "1234"
    assert settings.address_rest == 90


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "\nleaseDuratoin: 15s\n",
            "l2.yaml:2: leaseDuratoin: there is no such setting; did you mean leaseDuration?",
        ),
        ("zzz: 1\n", "l2.yaml:1: zzz: there is no such setting"),
        (
            "k8sClientRateLimit:\n  qsp: 1\n",
            (
                "l2.yaml:2: k8sClientRateLimit.qsp: there is no such setting; did you mean"
                " k8sClientRateLimit.qps?"
            ),
        ),
        (
            "k8sClientRateLimit: 5\n",
            (
                "l2.yaml:1: k8sClientRateLimit: expected k8sClientRateLimit.burst and"
                " k8sClientRateLimit.qps below it"
            ),
        ),
        (
            "logLevel: [info]\n",
            (
                "l2.yaml:1: logLevel: expected one of debug, info, warning, error, not a list or a"
                " mapping"
            ),
        ),
        (
            "leaseDuration: 15s\nleaseDuration: 20s\n",
            "l2.yaml:2: leaseDuration: given twice, before as l2.yaml:1: leaseDuration",
        ),
        ("- leaseDuration\n", "l2.yaml: expected lines of the form 'leaseDuration: 15s'"),
        (
            "a: b\nc: [d\n",
            "l2.yaml:3: this is not YAML: expected ',' or ']', but got '<stream end>'",
        ),
        (
            "a: 1\n---\nb: 1\n",
            "l2.yaml:2: this is not YAML: but found another document",
        ),
        (
            "leaseDuration: 15x\n",
            (
                "l2.yaml:1: leaseDuration: '15x' is not a duration such as 15s, 200ms or 1m30s, or"
                " a number of seconds"
            ),
        ),
    ],
)
def test_what_is_wrong_in_the_file(text: str, problem: str) -> None:
    assert problems(text=text) == [problem]


def test_text_that_yaml_cannot_hold_is_reported() -> None:
    (problem,) = problems(text="a: \x00")
    assert problem.startswith("l2.yaml: this is not YAML: ")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("k8s_client_rate_limit_qps", "0", "a number above 0"),
        ("k8s_client_rate_limit_qps", "nan", "a number above 0"),
        ("k8s_client_rate_limit_burst", "1.5", "a whole number from 1 to 1000000"),
        ("k8s_service_port", "70000", "a port number from 1 to 65535"),
        ("listen", "9480", "an address to listen on such as :9480, 127.0.0.1:9480 or [::1]:9480"),
        ("listen", "::1:9480", "an address to listen on such as :9480,"),
        ("lb_ipam", "maybe", "true or false"),
        ("log_format", "xml", "one of auto, json, console"),
        ("node_name", "My_Node", "a Kubernetes name (lower-case letters, digits, '-' and '.')"),
    ],
)
def test_a_wrong_flag_says_what_is_expected(name: str, value: str, expected: str) -> None:
    flag = next(option.flag for option in OPTIONS if option.name == name)
    (problem,) = problems(flags={name: value})
    assert problem.startswith(f"{flag}: '{value}' is not {expected}")


def test_all_problems_are_reported_together_and_with_their_origin() -> None:
    assert [
        problem.partition(":")[0]
        for problem in problems(
            text="zzz: 1", environ={"L2ANNOUNCER_LISTEN": "x"}, flags={"log_level": "loud"}
        )
    ] == ["l2.yaml", "L2ANNOUNCER_LISTEN", "--log-level"]


def test_a_misspelt_variable_is_reported_and_kubernetes_own_are_not() -> None:
    assert problems(environ={"L2ANNOUNCER_LEASE_DURATON": "5s"}) == [
        (
            "L2ANNOUNCER_LEASE_DURATON: there is no such setting; did you mean"
            " L2ANNOUNCER_LEASE_DURATION?"
        )
    ]
    loaded(
        environ={
            "L2ANNOUNCER_SERVICE_HOST": "10.0.0.1",
            "L2ANNOUNCER_SERVICE_PORT": "80",
            "L2ANNOUNCER_PORT_80_TCP_ADDR": "10.0.0.1",
            "L2ANNOUNCER_CONFIG": "/x",
            "L2ANNOUNCER_HOME": "/y",
        }
    )


def test_documentation_and_example_are_fresh() -> None:
    stale = "stale; run: python -m tests.settings_table"
    assert settings_table.DOCUMENT.read_text(encoding="utf-8") == settings_table.document(), stale
    assert settings_table.EXAMPLE.read_text(encoding="utf-8") == settings_table.example(), stale


def test_the_example_gives_the_defaults_commented_or_not() -> None:
    example = settings_table.EXAMPLE.read_text(encoding="utf-8")
    assert loaded(text=example) == loaded()
    lines = [
        line[1:] if line.startswith("#") and line[1:2].isalpha() else line
        for line in example.splitlines()
    ]
    given = [line for line in lines if not line.startswith("#") and line]
    assert len(given) == len(OPTIONS)
    assert loaded(text="\n".join(lines)) == loaded()

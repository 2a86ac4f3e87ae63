"""Finding what was built, and saying what to do where nothing was."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.build import (
    SOURCES,
    ProgramsMissingError,
    Source,
    locate,
    main,
    module_file,
    places,
)


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache without anything in it, and no programs given."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path / "l2announcer" / "control-plane"


def _put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_what_is_missing_is_named_with_the_command_that_helps() -> None:
    with pytest.raises(ProgramsMissingError) as refusal:
        locate("etcd", "kube-apiserver")
    assert str(refusal.value) == (
        "etcd and kube-apiserver not found: run `python -m tests.cluster.build` (some minutes, "
        "once), or set KUBEBUILDER_ASSETS to a directory that contains kube-apiserver and etcd"
    )


def test_no_hint_at_given_programs_where_they_lack_what_is_missing() -> None:
    with pytest.raises(ProgramsMissingError) as refusal:
        locate("etcd", "kube-proxy")
    assert str(refusal.value) == (
        "etcd and kube-proxy not found: run `python -m tests.cluster.build` (some minutes, once)"
    )


def test_what_was_built_is_found_under_its_version(empty_cache: Path) -> None:
    built = _put(empty_cache / "etcd-v3.5.21" / "etcd")
    assert locate("etcd") == {"etcd": built}


def test_an_older_version_is_not_taken_for_it(empty_cache: Path) -> None:
    _put(empty_cache / "etcd-v3.5.20" / "etcd")
    with pytest.raises(ProgramsMissingError, match=r"^etcd not found"):
        locate("etcd")


def test_given_programs_are_used_where_both_are_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_cache: Path
) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "given"))
    given = _put(tmp_path / "given" / "etcd")
    assert places()["etcd"] == empty_cache / "etcd-v3.5.21" / "etcd"
    _put(tmp_path / "given" / "kube-apiserver")
    assert places()["etcd"] == given


def test_requirements_on_staging_directories_are_replaced_and_others_are_not() -> None:
    source = Source(
        name="it", module="example.org/it", version="v1.2.3", programs={}, staging="v0.2.3"
    )
    upstream = {
        "Go": "1.23.0",
        "Require": [
            {"Path": "example.org/staged", "Version": "v0.0.0"},
            {"Path": "example.org/other", "Version": "v1.0.0"},
        ],
    }
    assert module_file(source, upstream).splitlines() == [
        "module throwaway",
        "go 1.23.0",
        "require example.org/it v1.2.3",
        "replace example.org/staged => example.org/staged v0.2.3",
    ]


def test_built_once_nothing_is_built_again(empty_cache: Path) -> None:
    for source in SOURCES:
        for program in source.programs:
            _put(empty_cache / source.directory / program)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster.build"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split("] ")[1].split(":")[0] for line in done.stdout.splitlines()] == [
        program for source in SOURCES for program in source.programs
    ]
    assert not list(empty_cache.glob(".build-*"))


def test_without_a_network_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    go = tmp_path / "bin" / "go"
    _put(go).write_text(
        '#!/bin/sh\n[ "$1" = env ] && echo go1.26.8 && exit\n'
        'echo \'{"Error": "dial tcp 192.0.2.1:443: connect: connection refused"}\'\nexit 1\n'
    )
    monkeypatch.setenv("PATH", str(go.parent), prepend=":")
    assert main() == 1
    said = capsys.readouterr().err
    assert "downloading go.etcd.io/etcd/server/v3@v3.5.21 failed" in said
    assert "connection refused" in said
    assert "or set KUBEBUILDER_ASSETS to a directory that contains kube-apiserver and etcd" in said


def test_a_killed_builds_leftovers_go_with_the_next_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_cache: Path
) -> None:
    stale = _put(empty_cache / ".build-killed" / "go-cache" / "file")
    go = tmp_path / "bin" / "go"
    _put(go).write_text('#!/bin/sh\n[ "$1" = env ] && echo go1.26.8 && exit\nexit 1\n')
    monkeypatch.setenv("PATH", str(go.parent), prepend=":")
    assert main() == 1
    assert not stale.exists()
    assert not list(empty_cache.glob(".build-*"))

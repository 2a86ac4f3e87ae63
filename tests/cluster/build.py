"""Builds the programs of a real control plane once, from source, and finds them again.

`python -m tests.cluster.build` builds what is missing; it takes some minutes and says so as it
goes. Results stay outside the checkout, below $XDG_CACHE_HOME/l2announcer/control-plane, one
directory per module and version: nothing is built twice, and a new version never meets an old one.
Where KUBEBUILDER_ASSETS names a directory with kube-apiserver and etcd, those are used instead.
"""

import contextlib
import fcntl
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.gotool import BuildError, GoTool, Progress, find_go

ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"
ASSETS_HAVE = ("kube-apiserver", "etcd")
KUBERNETES_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kubectl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A Go module, its version, and the programs to build from it.

    `programs` maps a program's name to its package. A requirement of the module at v0.0.0 (a
    staging directory of its own repository) is replaced by `staging`, the version under which
    that directory is published.
    """

    name: str
    module: str
    version: str
    programs: dict[str, str]
    staging: str | None = None
    ldflags: str = "-s -w"

    @property
    def directory(self) -> str:
        """Where this version's programs are kept, below the cache."""
        return f"{self.name}-{self.version}"


SOURCES = (
    Source(
        name="etcd",
        module="go.etcd.io/etcd/server/v3",
        version="v3.5.21",
        programs={"etcd": "go.etcd.io/etcd/server/v3"},
    ),
    Source(
        name="kubernetes",
        module="k8s.io/kubernetes",
        version="v1.32.2",
        programs={name: f"k8s.io/kubernetes/cmd/{name}" for name in KUBERNETES_PROGRAMS},
        staging="v0.32.2",
        ldflags="-s -w -X k8s.io/component-base/version.gitVersion=v1.32.2",
    ),
)


class ProgramsMissingError(Exception):
    """Programs of the control plane are neither given nor built; the text says how to get them."""


def cache() -> Path:
    """The directory that keeps what was built."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "l2announcer" / "control-plane"


def places() -> dict[str, Path]:
    """Where each program is, or will be once it is built."""
    found = {
        program: cache() / source.directory / program
        for source in SOURCES
        for program in source.programs
    }
    assets = Path(os.environ.get(ASSETS_VARIABLE) or os.devnull)
    if all(_runnable(assets / name) for name in ASSETS_HAVE):
        found |= {name: assets / name for name in found if _runnable(assets / name)}
    return found


def locate(*names: str) -> dict[str, Path]:
    """The programs called `names`. Raises ProgramsMissingError where one is not there yet."""
    found = places()
    missing = [name for name in names if not _runnable(found[name])]
    if missing:
        given = f"set {ASSETS_VARIABLE} to a directory that contains {' and '.join(ASSETS_HAVE)}"
        raise ProgramsMissingError(
            f"{' and '.join(missing)} not found: run `python -m tests.cluster.build` (some "
            f"minutes, once)" + (f", or {given}" if set(missing) <= set(ASSETS_HAVE) else "")
        )
    return {name: found[name] for name in names}


def build() -> dict[str, Path]:
    """Build whatever is missing and return where each program is. Raises BuildError."""
    progress = Progress()
    wanted = places()
    if not all(map(_runnable, wanted.values())):
        cache().mkdir(parents=True, exist_ok=True)
        with only_one_builder(progress), scratch() as work:
            for source in SOURCES:
                missing = [name for name in source.programs if not _runnable(wanted[name])]
                if missing:
                    _build_source(source, missing, find_go(work, progress))
    for name, path in wanted.items():
        progress.say(f"{name}: {path}")
    return wanted


def _runnable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _build_source(source: Source, names: list[str], go: GoTool) -> None:
    checkout = go.work / source.directory
    checkout.mkdir()
    go.progress.say(
        f"{source.module} {source.version}: building {', '.join(names)} (some minutes, once)"
    )
    at_version = f"{source.module}@{source.version}"
    printed = go.run(
        "mod", "download", "-json", at_version, step=f"downloading {at_version}", directory=go.work
    )
    printed = go.run(
        "mod",
        "edit",
        "-json",
        json.loads(printed)["GoMod"],
        step="reading its requirements",
        directory=go.work,
    )
    (checkout / "go.mod").write_text(module_file(source, json.loads(printed)))
    target = cache() / source.directory
    target.mkdir(exist_ok=True)
    for name in names:
        unfinished = go.work / name
        go.run(
            *("build", "-v", "-p", "2", "-trimpath", "-buildvcs=false"),
            *("-ldflags", source.ldflags, "-o", str(unfinished), source.programs[name]),
            step=f"compiling {name}",
            directory=checkout,
        )
        unfinished.replace(target / name)
    shutil.rmtree(checkout)


def module_file(source: Source, upstream: Mapping[str, object]) -> str:
    """A go.mod that requires only `source`, under the language version that it was written for."""
    lines = [
        "module throwaway",
        f"go {upstream['Go']}",
        f"require {source.module} {source.version}",
    ]
    requirements = upstream["Require"]
    assert isinstance(requirements, list)
    lines += [
        f"replace {required['Path']} => {required['Path']} {source.staging}"
        for required in requirements
        if source.staging and required["Version"] == "v0.0.0"
    ]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def only_one_builder(progress: Progress) -> Iterator[None]:
    """Hold the cache's lock; a second builder waits, and then finds everything built."""
    with (cache() / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say("another build is under way: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A directory on the cache's own disk, so that a finished program is renamed, not copied.

    Go's build cache grows to gigabytes there; it goes with the directory. What a killed build
    left behind goes first: the lock says that nobody is using it.
    """
    for stale in cache().glob(".build-*"):
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=cache()) as work:
        yield Path(work)


def main() -> int:
    """Build everything; 0 where all is there at the end, non-zero with a sentence where not."""
    try:
        build()
    except BuildError as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: programs that were finished are kept, the rest is gone")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

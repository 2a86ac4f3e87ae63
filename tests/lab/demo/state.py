"""The files of one demo: kubeconfig, logs, and scripts to look around; gone when it ends.

The directory is locked as long as its demo lives, so that the next run can tell, and remove, what a
crashed one has left.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.cluster import CONTROL_PLANE, Cluster
from tests.lab.root import INSIDE

PREFIX = "l2announcer-demo-"
DOWN_SECONDS = 15


@contextmanager
def state_directory() -> Iterator[Path]:
    """A directory for one demo, and an end to those that crashed ones have left."""
    for path in _directories():
        if _owner(path) is None:
            shutil.rmtree(path, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with (made / "process").open("w") as process:
            fcntl.flock(process, fcntl.LOCK_EX)
            process.write(str(os.getpid()))
            process.flush()
            yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def take_down() -> str:
    """End every demo of this user, and say how many; TimeoutError when one does not end."""
    ended = 0
    for path in _directories():
        process = _owner(path)
        if process is None:
            shutil.rmtree(path, ignore_errors=True)
            continue
        os.kill(process, signal.SIGTERM)
        deadline = time.monotonic() + DOWN_SECONDS
        while path.exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the lab of process {process} is not down: kill -9 {process}")
            time.sleep(0.05)
        ended += 1
    return f"{ended} lab{'' if ended == 1 else 's'} taken down"


def write_scripts(cluster: Cluster) -> None:
    """`in PLACE [COMMAND...]` and `kubectl ...` for use from any terminal of the same user."""
    places = {**cluster.nodes, cluster.client.name: cluster.client}
    # From outside of a rootless lab the way into its namespaces leads through its user namespace.
    user = "-U --preserve-credentials " if os.environ.get(INSIDE) else ""
    cases = "\n".join(f"  {name}) process={place.holder.pid} ;;" for name, place in places.items())
    _script(
        cluster.state / "in",
        f"""\
# in PLACE [COMMAND...]: a shell, or a command, in a node of the lab or in its client
case "$1" in
{cases}
  *) echo "usage: $0 {" | ".join(places)} [COMMAND...]" >&2; exit 2 ;;
esac
shift
[ $# -gt 0 ] || set -- "${{SHELL:-sh}}"
exec nsenter -t "$process" {user}-n -- "$@"
""",
    )
    command = shlex.join(cluster.control_plane.kubectl_command())
    _script(
        cluster.state / "kubectl",
        f'exec {_quoted(cluster.state / "in")} {CONTROL_PLANE} {command} "$@"\n',
    )


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o700)


def _quoted(path: Path | str) -> str:
    return shlex.quote(str(path))


def _directories() -> list[Path]:
    found = Path(tempfile.gettempdir()).glob(f"{PREFIX}*")
    # Inside a user namespace our own files appear as ours, those of others never do.
    return [path for path in found if path.is_dir() and path.stat().st_uid == os.geteuid()]


def _owner(path: Path) -> int | None:
    """The process whose directory this is; None when it is gone."""
    try:
        with (path / "process").open() as process:
            try:
                fcntl.flock(process, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(process.read())
    except FileNotFoundError:
        return None
    return None

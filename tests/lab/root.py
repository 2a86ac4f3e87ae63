"""How an unprivileged process becomes one that can make network namespaces.

`python -m tests.lab.root COMMAND...` runs a command so; root runs it as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

INSIDE = "L2ANNOUNCER_LAB_INSIDE"


class LabError(Exception):
    """The lab cannot be built, or a command in it failed; the text says which and why."""


def why_not() -> str:
    """Why this process cannot make network namespaces, in one sentence; empty when it can."""
    _find_system_programs()
    for program in ("unshare", "nsenter", "setpriv", "ip"):
        if shutil.which(program) is None:
            return (
                f"the lab needs the program `{program}`, which is not installed"
                " (packages util-linux and iproute2)"
            )
    tried = subprocess.run(["unshare", "-n", "true"], capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        return ""
    hint = ""
    if os.environ.get(INSIDE) is None and _user_namespaces_work():
        hint = ": put `python -m tests.lab.root` in front of the command"
    said = tried.stderr.strip() or f"exit code {tried.returncode}"
    return f"the lab needs network namespaces, and `unshare -n` fails here ({said}){hint}"


def become_lab_root(command: Sequence[str] | None = None) -> None:
    """Re-execute this process as root of its own user, mount and network namespaces, if needed.

    Does nothing where network namespaces can be made already. `command` is what to execute in
    there instead of this process's own command line; it is executed in either case.
    Raises LabError when neither way is open.
    """
    inside = os.environ.get(INSIDE) is not None
    reason = why_not()
    if reason and (inside or not _user_namespaces_work()):
        raise LabError(
            f"{reason}; run as root, or let users make user namespaces"
            " (sysctl kernel.unprivileged_userns_clone=1,"
            " kernel.apparmor_restrict_unprivileged_userns=0)"
        )
    prefix: list[str] = []
    if reason:
        # /run is the caller's: what runs as root in here (ip netns, say) needs a writable one
        script = 'mount -t tmpfs run /run && ip link set lo up && exec "$@"'
        prefix = ["unshare", "-Urnm", "--", "sh", "-ec", script, "lab"]
    elif command is None:
        return
    os.environ[INSIDE] = "1"
    argv = [*prefix, *(command if command is not None else [sys.executable, *sys.orig_argv[1:]])]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvp(argv[0], argv)


def _find_system_programs() -> None:
    """`ip` and `nft` are where an ordinary user's PATH does not look."""
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    missing = [place for place in ("/usr/sbin", "/sbin") if place not in places]
    os.environ["PATH"] = os.pathsep.join([*places, *missing])


def _user_namespaces_work() -> bool:
    command = ["unshare", "-Urnm", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    try:
        become_lab_root(sys.argv[1:])
    except LabError as error:
        raise SystemExit(str(error)) from error

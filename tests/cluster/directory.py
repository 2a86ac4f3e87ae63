"""A temporary directory that goes with its process: by itself, or with the next one's start."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "l2announcer-control-plane-"
LOCK = "owner.lock"


class OwnedDirectory:
    """A new temporary directory, locked while its owner lives.

    Making one first removes those whose owner was killed and could not do so itself: the kernel
    has let go of their locks.
    """

    def __init__(self) -> None:
        _remove_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        # locked before it gets its name: nobody ever sees it there without an owner
        unnamed = self.path / f".{LOCK}"
        self._lock = unnamed.open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        unnamed.rename(self.path / LOCK)

    def close(self) -> None:
        """Remove the directory."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _remove_abandoned() -> None:
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK}"):
        # gone meanwhile, or somebody else's
        with contextlib.suppress(OSError), lock.open() as file:
            if os.fstat(file.fileno()).st_uid != os.getuid():
                continue
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)

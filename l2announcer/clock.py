"""The only reader of time and chance; everything else is given both as arguments."""

import random
import time


def now() -> float:
    """Seconds on CLOCK_BOOTTIME: never set back, and counts on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wait(seconds: float) -> None:
    """Block the whole process; for one that does nothing else any more."""
    time.sleep(seconds)


def wall() -> float:
    """Unix seconds; may jump, so it goes into records for other readers and decides nothing."""
    return time.time()


def chance() -> float:
    """A number in [0, 1), for jitter and the spreading of load; not for secrets."""
    return random.random()  # noqa: S311  # jitter needs no cryptography

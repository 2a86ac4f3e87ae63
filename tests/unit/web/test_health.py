"""Health pages over real HTTP: codes, reasons, exclusion, single checks."""

from __future__ import annotations

from l2announcer.web.health import Check
from tests.unit.web.pages import Daemon, served

LISTED = Check(name="services", ok=True)
LATE = Check(name="leases", ok=False, reason="not listed yet: the API server does not answer")


async def test_all_well_is_ok_and_details_on_demand() -> None:
    async with served(Daemon(ready=[LISTED])) as browser:
        plain = await browser.get("/readyz")
        assert (plain.status, plain.text) == (200, "ok")
        assert plain.type.startswith("text/plain")
        verbose = await browser.get("/readyz?verbose")
        assert (verbose.status, verbose.text) == (200, "[+]services ok\nreadyz check passed\n")


async def test_a_failed_check_says_why() -> None:
    async with served(Daemon(ready=[LISTED, LATE])) as browser:
        answer = await browser.get("/readyz")
        assert answer.status == 500
        assert answer.text == (
            "[+]services ok\n"
            "[-]leases failed: not listed yet: the API server does not answer\n"
            "readyz check failed\n"
        )


async def test_checks_are_asked_at_each_request() -> None:
    daemon = Daemon(ready=[LATE])
    async with served(daemon) as browser:
        assert (await browser.get("/readyz")).status == 500
        daemon.ready[0] = Check(name="leases", ok=True)
        assert (await browser.get("/readyz")).status == 200


async def test_live_and_ready_are_apart_and_healthz_is_livez() -> None:
    async with served(Daemon(live=[LISTED], ready=[LATE])) as browser:
        codes = [(await browser.get(path)).status for path in ("/livez", "/readyz", "/healthz")]
        assert codes == [200, 500, 200]
    async with served(Daemon(live=[LATE], ready=[LISTED])) as browser:
        codes = [(await browser.get(path)).status for path in ("/livez", "/readyz", "/healthz")]
        assert codes == [500, 200, 500]


async def test_excluded_checks_do_not_count() -> None:
    async with served(Daemon(ready=[LISTED, LATE])) as browser:
        answer = await browser.get("/readyz?verbose&exclude=leases&exclude=lunch")
        assert answer.status == 200
        assert answer.text == (
            "[+]services ok\n"
            "[+]leases excluded: ok\n"
            "warn: no check 'lunch' to exclude\n"
            "readyz check passed\n"
        )


async def test_one_check_alone() -> None:
    async with served(Daemon(ready=[LISTED, LATE])) as browser:
        assert (await browser.get("/readyz/services")).text == "ok"
        failed = await browser.get("/readyz/leases")
        assert failed.status == 500
        assert "not listed yet" in failed.text
        missing = await browser.get("/readyz/lunch")
        assert missing.status == 404
        assert "services, leases" in missing.text

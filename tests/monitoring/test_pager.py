"""From the running demo to an inbox and a webhook, through real servers; only times are shorter."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.monitoring.pager import RECIPIENT, Pager, watching
from tests.monitoring.running_demo import running_demo
from tests.stack.sinks import eventually

WITHIN = 40.0


async def told(pager: Pager, condition: Callable[[], bool]) -> None:
    await eventually(condition, WITHIN, pager.told)


async def scraped(pager: Pager) -> None:
    await asyncio.to_thread(pager.prometheus.start)
    await told(pager, lambda: pager.prometheus.query("increase(scraper_requests_total[6s]) > 5") != [])


async def test_all_proxies_dead_reaches_inbox_and_webhook_and_is_taken_back(tmp_path: Path) -> None:
    async with watching(tmp_path) as pager, running_demo(pager.port) as world:
        await scraped(pager)
        for proxy in world.proxies:
            proxy.down = True

        firing = f"[CRITICAL] NoHealthyProxies on {pager.instance}"
        await told(pager, lambda: firing in pager.inbox.subjects())
        await told(pager, lambda: "NoHealthyProxies" in pager.hook.alerts("firing"))
        mail = pager.inbox.mails[pager.inbox.subjects().index(firing)]
        text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert mail["To"] == RECIPIENT
        assert f"FIRING: No healthy proxy on {pager.instance}" in text
        assert "0 proxies can be used: nothing can be scraped through the pool." in text
        assert "What to do: docs/runbooks.md#nohealthyproxies" in text
        assert "NoHealthyProxies" not in pager.hook.alerts("resolved")

        for proxy in world.proxies:
            proxy.down = False
        await told(pager, lambda: f"[RESOLVED] NoHealthyProxies on {pager.instance}" in pager.inbox.subjects())
        await told(pager, lambda: "NoHealthyProxies" in pager.hook.alerts("resolved"))
        await told(pager, lambda: "NoHealthyProxies" not in pager.prometheus.firing())


async def test_a_site_that_answers_only_503_reaches_inbox_and_webhook_and_is_taken_back(tmp_path: Path) -> None:
    async with watching(tmp_path) as pager, running_demo(pager.port) as world:
        await scraped(pager)
        world.site.down = True

        await told(pager, lambda: f"[CRITICAL] HighScrapingFailureRate on {pager.instance}" in pager.inbox.subjects())
        await told(pager, lambda: "HighScrapingFailureRate" in pager.hook.alerts("firing"))
        (labels,) = {
            (alert["labels"]["severity"], alert["labels"]["service"], alert["labels"]["instance"])
            for call in pager.hook.calls
            for alert in call["alerts"]
            if alert["labels"]["alertname"] == "HighScrapingFailureRate"
        }
        assert labels == ("critical", "phoenix_mls_demo", pager.instance)
        assert "NoHealthyProxies" not in pager.prometheus.firing(), "the proxies are not at fault"

        world.site.down = False
        await told(pager, lambda: "HighScrapingFailureRate" in pager.hook.alerts("resolved"))


@contextmanager
def demo_process(port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(Path(sys.executable).with_name("phoenix-otel")), "demo", "--no-faults", "--json", "--duration=0"]
    process = subprocess.Popen([*command, f"--port={port}"], stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def test_a_scraper_that_is_killed_is_not_responding_and_nothing_else(tmp_path: Path) -> None:
    async with watching(tmp_path) as pager:
        with demo_process(pager.port) as demo:
            await scraped(pager)
            # the demo always goes at the limit of its own rate limiter
            await told(pager, lambda: "HighRateLimitHits" in pager.hook.alerts("firing"))
            demo.kill()
            pager.hook.calls.clear()
            await told(pager, lambda: "ScraperNotResponding" in pager.hook.alerts("firing"))
            # everything else has had ten evaluations to join in
            fired = "count_over_time(ALERTS{alertname='ScraperNotResponding',alertstate='firing'}[1m]) > 10"
            await told(pager, lambda: pager.prometheus.query(fired) != [])
            assert pager.hook.alerts("firing") == {"ScraperNotResponding"}
            assert f"[CRITICAL] ScraperNotResponding on {pager.instance}" in pager.inbox.subjects()

"""What a running telemetry costs its program: loop lag, CPU of scrapes, an aiohttp client's requests."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.peers import UNLIMITED, PrometheusClient, series

LAG_SERIES: Final = 10_000
LAG_SECONDS: Final = 6.0
STEP: Final = 0.001


@contextlib.contextmanager
def endpoint(how: str, size: int) -> Iterator[str]:
    """Serve /metrics with this many series, and give its URL; `how` is phoenix, plain or prometheus_client."""
    if how == "prometheus_client":
        from prometheus_client import start_http_server

        peer = PrometheusClient()
        for number in range(size):
            peer.count_series(series(number))
        server, thread = start_http_server(0, "127.0.0.1", registry=peer._registry)
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()
        thread.join()
        return
    from phoenix_otel import configure_telemetry

    with configure_telemetry(port=0, fast_path=how == "phoenix", cardinality_limit=UNLIMITED) as telemetry:
        counter = telemetry.meter.create_counter("pages")
        for number in range(size):
            counter.add(1, dict(zip(("status", "endpoint", "method"), series(number), strict=True)))
        yield telemetry.url + "/metrics"


def fetch(url: str) -> bytes:
    """Scrape as Prometheus does, with compression."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})  # noqa: S310 - our own URL
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        body: bytes = response.read()
        return body


SCRAPER: Final = "import sys, time\nfrom benchmarks.telemetry import fetch\n" + (
    "while True:\n    fetch(sys.argv[1])\n    time.sleep(0.2)\n"
)


@contextlib.contextmanager
def elsewhere() -> Iterator[str]:
    """Serve the same from a process of its own: what the machine makes of the load, without our endpoint in here."""
    served = subprocess.Popen([sys.executable, "-c", SERVED], stdout=subprocess.PIPE, text=True)
    try:
        yield served.stdout.readline().strip() if served.stdout else ""
    finally:
        served.kill()
        served.wait()


SERVED: Final = """
import time
from benchmarks.telemetry import LAG_SERIES, endpoint
with endpoint("phoenix", LAG_SERIES) as url:
    print(url, flush=True)
    time.sleep(600)
"""


def measure_loop_lag(how: str) -> dict[str, float]:
    """Return lag of a busy loop in ms, p99 and max, while another process scrapes this one, or one `elsewhere`."""
    with elsewhere() if how == "elsewhere" else endpoint(how, LAG_SERIES) as url:
        fetch(url)  # label texts are made at the first one; that is shown apart
        scraper = subprocess.Popen([sys.executable, "-c", SCRAPER, url])
        try:
            return asyncio.run(_busy_loop())
        finally:
            scraper.kill()
            scraper.wait()


async def _busy_loop() -> dict[str, float]:
    """Work half of the time in short pieces, as a scraper that parses pages does; see how late each wake-up is."""
    lags: list[float] = []
    end = time.perf_counter() + LAG_SECONDS
    while (due := time.perf_counter() + STEP) < end:
        await asyncio.sleep(STEP)
        lags.append(time.perf_counter() - due)
        busy_until = time.perf_counter() + STEP
        while time.perf_counter() < busy_until:
            pass
    lags.sort()
    return {"p99_ms": lags[len(lags) * 99 // 100] * 1e3, "max_ms": lags[-1] * 1e3}


def measure_cpu(how: str, size: int = 1_000, scrapes: int = 40) -> float:
    """Return milliseconds of CPU that one scrape over HTTP takes in the scraped process."""
    with endpoint(how, size) as url:
        fetch(url)
        before = time.process_time()
        idle_from = time.perf_counter()
        done = threading.Event()

        def scrape() -> None:
            subprocess.run([sys.executable, "-c", _FETCH_MANY, url, str(scrapes)], check=True)
            done.set()

        thread = threading.Thread(target=scrape)
        thread.start()
        done.wait()
        thread.join()
        used, took = time.process_time() - before, time.perf_counter() - idle_from
        idle_before = time.process_time()
        time.sleep(took)
        idle = time.process_time() - idle_before
    return (used - idle) / scrapes * 1e3


_FETCH_MANY: Final = (
    "import sys\nfrom benchmarks.telemetry import fetch\nfor _ in range(int(sys.argv[2])): fetch(sys.argv[1])\n"
)


def measure_requests() -> dict[str, float]:
    """Return microseconds an aiohttp request to a server on loopback takes: how it is measured -> best round."""
    server = subprocess.Popen([sys.executable, "-m", "benchmarks.origin"], stdout=subprocess.PIPE, text=True)
    url = server.stdout.readline().strip() if server.stdout else ""
    try:
        return asyncio.run(_requests(url))
    finally:
        server.kill()
        server.wait()


async def _requests(url: str) -> dict[str, float]:
    from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
    from opentelemetry.sdk.metrics import MeterProvider as PlainMeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from phoenix_otel.instrumentation.aiohttp_client import AiohttpClientInstrumentor
    from phoenix_otel.recorders import Binding, MetricsCollector
    from phoenix_otel.sdk import MeterProvider

    def collector(provider: Any) -> MetricsCollector:
        made = MetricsCollector()
        made.bind(Binding(provider([InMemoryMetricReader()], shutdown_on_exit=False).get_meter("benchmarks")))
        return made

    fast, plain = collector(MeterProvider), collector(PlainMeterProvider)
    theirs = PlainMeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    ways: dict[str, tuple[Any, dict[str, Any]] | None] = {
        "not measured": None,
        "phoenix_otel": (AiohttpClientInstrumentor(), {"collector": fast}),
        "phoenix_otel on the plain SDK": (AiohttpClientInstrumentor(), {"collector": plain}),
        "opentelemetry-instrumentation-aiohttp-client": (AioHttpClientInstrumentor(), {"meter_provider": theirs}),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(7):
        for name, way in ways.items():
            best[name] = min(best[name], await _round(url, way))
    return best


async def _round(url: str, way: tuple[Any, dict[str, Any]] | None, requests: int = 150) -> float:
    import aiohttp

    if way is not None:
        way[0].instrument(**way[1])
    try:
        async with aiohttp.ClientSession() as session:
            start = time.perf_counter()
            for _ in range(requests):
                async with session.get(url) as response:
                    await response.read()
            return (time.perf_counter() - start) / requests * 1e6
    finally:
        if way is not None:
            way[0].uninstrument()

"""Clients of the endpoint that do everything wrong: the others are served, and the scraper does not notice."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.metrics import CallbackOptions, Observation

from phoenix_otel import Telemetry, configure_telemetry
from phoenix_otel._guard import Guard
from phoenix_otel.pipeline.access import Access
from phoenix_otel.pipeline.health import Health
from phoenix_otel.pipeline.limits import Limits
from phoenix_otel.pipeline.server import MetricsServer, listen
from phoenix_otel.pipeline.snapshot import Snapshot
from tests.http import fetch, fetch_tls, samples
from tests.reliability.certificates import issue
from tests.reliability.raw_client import RawClient, ask

SERIES = 1_900
MEBIBYTE = 2**20
GET = b"GET /metrics HTTP/1.1\r\nHost: scraper\r\n\r\n"


@pytest.fixture
def telemetry() -> Telemetry:
    return configure_telemetry(port=0)


@pytest.fixture
def large(telemetry: Telemetry) -> Telemetry:
    """Show several megabytes: more than the kernel takes in for a client that does not read."""
    for number in range(SERIES):
        name = f"endpoint_{number:04}_{'x' * 100}"
        telemetry.collector.scraper.record_response_time(0.3, name, "success")
        telemetry.collector.scraper.record_request("success", name)
    return telemetry


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What clients do wrong fills no log."""
    with caplog.at_level(logging.INFO):
        yield
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == []


def total(telemetry: Telemetry) -> float:
    found = samples(fetch(telemetry.url, "/metrics").text)
    return sum(value for (name, _), value in found.items() if name == "scraper_requests_total")


def connections(url: str) -> int:
    """Count the connections that the endpoint holds."""
    port = urlsplit(url).port
    return sum(
        1
        for connection in psutil.Process().net_connections("tcp")
        if connection.laddr.port == port and connection.status == psutil.CONN_ESTABLISHED
    )


def test_slow_readers_delay_nobody_and_cost_little(large: Telemetry) -> None:
    readers = 100
    size = len(fetch(large.url, "/metrics").body)
    process = psutil.Process()
    before = process.memory_info().rss
    with ExitStack() as slow:
        clients = [slow.enter_context(RawClient(large.url, receive_buffer=4096)) for _ in range(readers)]
        for client in clients:
            client.send(GET)
        begun = sum(1 for client in clients if client.read(1))
        answered = [total(large) for _ in range(3)]
        grown = process.memory_info().rss - before

    print(  # noqa: T201
        f"\n{readers} clients that stop reading an answer of {size / MEBIBYTE:.1f} MiB: 3 scrapes beside them, "
        f"lost: {3 - answered.count(SERIES)}; memory {grown / MEBIBYTE:+.1f} MiB"
    )
    assert begun == readers
    assert answered == [SERIES] * 3
    assert grown < readers * size / 4


def test_a_shutdown_lets_go_of_everyone(large: Telemetry) -> None:
    url = large.url
    with ExitStack() as slow:
        clients = [slow.enter_context(RawClient(url, receive_buffer=4096)) for _ in range(60)]
        for number, client in enumerate(clients):
            client.send(GET if number % 2 else b"GET /met")
        assert {client.read(1) for client in clients[1::2]} == {b"H"}

        assert connections(url) == 60
        assert large.shutdown()
        assert connections(url) == 0


def test_half_open_connections_make_room_for_others(telemetry: Telemetry) -> None:
    telemetry.collector.scraper.record_request("success", "search")
    with ExitStack() as half_open:
        for number in range(400):
            client = half_open.enter_context(RawClient(telemetry.url))
            client.send((b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Slow: ")[number % 3])
        served = [total(telemetry) for _ in range(3)]
        held = connections(telemetry.url)

    print(f"\n400 half-open connections: 3 scrapes beside them, lost: {3 - served.count(1)}; the endpoint holds {held}")  # noqa: T201
    assert served == [1] * 3
    assert held <= Limits().connections


def test_half_open_handshakes_make_room_for_others(tmp_path: Path) -> None:
    certificates = issue(tmp_path / "certificates")
    telemetry = configure_telemetry(
        port=0, tls_cert_file=certificates.server_cert, tls_key_file=certificates.server_key
    )
    tls = certificates.client_context()
    with ExitStack() as half_open:
        for number in range(200):
            client = half_open.enter_context(RawClient(telemetry.url))
            client.send((b"", b"\x16\x03\x01", b"no TLS at all\r\n\r\n")[number % 3])
        served = [fetch_tls(telemetry.url, "/metrics", tls).status for _ in range(3)]

    print(f"\n200 half-open TLS handshakes: 3 scrapes beside them, lost: {3 - served.count(200)}")  # noqa: T201
    assert served == [200] * 3


@pytest.fixture
def impatient() -> Iterator[str]:
    """Serve a large answer with short limits."""
    server = MetricsServer(
        lambda: Snapshot([]),
        Health({"filler": lambda: {"status": "ok", "filler": "x" * 16 * MEBIBYTE}}),
        Guard(),
        service="s",
        metrics_path="/metrics",
        labels={},
        access=Access(),
        limits=Limits(request=0.3, answer=0.3),
    )
    server.start(listen("127.0.0.1", 0), "127.0.0.1")
    yield server.url
    server.stop(5)


@pytest.mark.parametrize(
    "sent", [b"", b"GET /he", b"GET /health HTTP/1.1\r\nHost: a\r\n", b"POST /health HTTP/1.1\r\n"]
)
def test_a_request_that_never_ends_is_cut_off(impatient: str, sent: bytes) -> None:
    with RawClient(impatient) as client:
        client.send(sent)

        assert client.read_all() == b""


def test_an_idle_connection_is_closed(impatient: str) -> None:
    with RawClient(impatient) as client:
        client.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")

        assert client.read_all().startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_answer_that_is_not_taken_is_cut_off(impatient: str) -> None:
    waiting = threading.Event()
    with RawClient(impatient, receive_buffer=4096) as client:
        client.send(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.read(1) == b"H"
        while connections(impatient):
            waiting.wait(0.02)

        assert len(client.read_all()) < 16 * MEBIBYTE


TRAVERSALS = [
    "/../../etc/passwd",
    "/metrics/../../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/..%5c..%5cwindows",
    "/static/../../etc/shadow",
    "//etc/passwd",
    "/metrics%00.html",
    "/.git/config",
    "/metrics;/../health",
]
STRANGE = {
    "a path of 100 kB": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a query of 100 kB": (b"GET /metrics?" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a header of 100 kB": (b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", 400),
    "a header name of 100 kB": (b"GET /metrics HTTP/1.1\r\nHost: a\r\n" + b"a" * 100_000 + b": x\r\n\r\n", 400),
    "10,000 headers": (b"GET /metrics HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 10_000 + b"\r\n", 400),
    "an unknown method": (b"BREW /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a long method": (b"G" * 10_000 + b" /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "TRACE": (b"TRACE /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    "CONNECT": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 404),
    "HTTP/9.9": (b"GET /metrics HTTP/9.9\r\nHost: a\r\n\r\n", 400),
    "no version": (b"GET /metrics\r\n\r\n", 200),
    "garbage": (b"\x00\xff\xfe garbage \r\n\r\n", 400),
    "a TLS handshake": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n", 400),
    "two lengths": (b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "a negative length": (b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    "length and chunks": (
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a folded header": (b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    "another one's host": (b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200),
    "a host with a path": (b"GET /metrics HTTP/1.1\r\nHost: evil.example/<script>?\r\n\r\n", 200),
    "an absolute URL": (b"GET http://evil.example/metrics HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    "no host, HTTP/1.0": (b"GET /metrics HTTP/1.0\r\n\r\n", 200),
    "a body": (b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789", 405),
    "a body that does not come": (b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", 405),
    "a web socket": (
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        200,
    ),
    "an expectation": (b"GET /metrics HTTP/1.1\r\nHost: a\r\nExpect: <script>\r\n\r\n", 417),
}


def assert_nothing_is_given_away(answer: bytes) -> None:
    head = answer.partition(b"\r\n\r\n")[0]
    assert b"\r\nServer: phoenix_otel\r\n" in head + b"\r\n"
    assert b"location:" not in head.lower()
    for betrayal in (
        b"Traceback",
        b".py",
        b"/root",
        b"/home",
        b"/usr",
        b"root:",
        b"evil.example",
        b"<script",
        b"aiohttp",
    ):
        assert betrayal not in answer


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_outside(telemetry: Telemetry, path: str) -> None:
    answer = ask(telemetry.url, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())

    assert answer.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 "))
    assert_nothing_is_given_away(answer)


@pytest.mark.parametrize(("sent", "expected"), STRANGE.values(), ids=STRANGE)
def test_a_strange_request_gets_a_plain_answer(telemetry: Telemetry, sent: bytes, expected: int) -> None:
    answer = ask(telemetry.url, sent)

    assert answer.split(b" ")[1] == str(expected).encode()
    assert_nothing_is_given_away(answer)
    assert fetch(telemetry.url, "/metrics").status == 200


def test_pipelined_requests_are_answered_in_order(telemetry: Telemetry) -> None:
    requests = 1_000
    paths = [b"/health", b"/nothing", b"/metrics"]
    sent = b"".join(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % paths[number % 3] for number in range(requests))
    with RawClient(telemetry.url) as client:
        sending = threading.Thread(target=client.send, args=(sent,))
        sending.start()
        statuses = [client.read_answer().split(b" ")[1] for _ in range(requests)]
        sending.join()
    expected = [(b"200", b"404", b"200")[number % 3] for number in range(requests)]

    print(f"\n{requests} pipelined requests, {len(statuses)} answers in order")  # noqa: T201
    assert statuses == expected


def test_pipelined_requests_that_nobody_reads_cost_little(large: Telemetry) -> None:
    process = psutil.Process()
    assert total(large) == SERIES
    before = process.memory_info().rss
    with RawClient(large.url, receive_buffer=4096) as client:
        client.send(GET * 500)
        assert client.read(1) == b"H"
        assert total(large) == SERIES
        grown = process.memory_info().rss - before

    print(f"\n500 pipelined scrapes that nobody reads: memory {grown / MEBIBYTE:+.1f} MiB")  # noqa: T201
    assert grown < 100 * MEBIBYTE


async def scrape(url: str) -> bytes:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_a_thousand_scrapes_at_once_are_all_answered(telemetry: Telemetry) -> None:
    collections = 0

    def count(_: CallbackOptions) -> list[Observation]:
        nonlocal collections
        collections += 1
        return [Observation(1)]

    telemetry.meter.create_observable_gauge("collections", [count])
    for number in range(500):
        telemetry.collector.scraper.record_request("success", f"endpoint_{number}")

    async def scrape_at_once() -> list[bytes]:
        return await asyncio.gather(*(scrape(telemetry.url) for _ in range(1_000)))

    async def scraper() -> tuple[list[bytes], float]:
        """Go on in a loop of its own while others scrape, and measure how late it ever is."""
        telemetry.collector.watch_loop()
        scraping = asyncio.ensure_future(asyncio.to_thread(asyncio.run, scrape_at_once()))
        worst = 0.0
        while not scraping.done():
            before = time.monotonic()
            await asyncio.sleep(0.01)
            worst = max(worst, time.monotonic() - before - 0.01)
        health = json.loads((await asyncio.to_thread(fetch, telemetry.url, "/health")).text)
        assert health["components"]["event_loop"]["status"] == "ok"
        return await scraping, worst

    answers, lag = asyncio.run(scraper())
    bodies = [answer.partition(b"\r\n\r\n")[2].decode() for answer in answers]
    totals = [
        sum(float(line.rpartition(" ")[2]) for line in body.splitlines() if line.startswith("scraper_requests_total{"))
        for body in bodies
    ]
    print(  # noqa: T201
        f"\n1,000 scrapes at once: {totals.count(500.0)} whole and true, lost: {1_000 - totals.count(500.0)}, "
        f"{collections} collections; the scraper's loop was {lag:.3f} s late at most, clients in the same process"
    )
    assert all(answer.startswith(b"HTTP/1.1 200 OK\r\n") for answer in answers)
    assert totals == [500.0] * 1_000
    assert collections < 1_000


@pytest.fixture(scope="module")
def lasting() -> Iterator[str]:
    """Serve one endpoint for all inputs of a test."""
    server = MetricsServer(
        lambda: Snapshot([]),
        Health({}),
        Guard(),
        service="s",
        metrics_path="/metrics",
        labels={},
        access=Access(),
        limits=Limits(request=0.05, lingering=0.05),
    )
    server.start(listen("127.0.0.1", 0), "127.0.0.1")
    yield server.url
    server.stop(5)


piece = st.sampled_from(
    (
        *(GET, b"GET /health HTTP/1.1\r\nHost: a\r\n", b"POST / HTTP/1.0\r\n\r\n"),
        *(b"GET ", b"POST ", b"/metrics", b" HTTP/1.1", b" HTTP/1.0", b"\r\n", b"\r\n\r\n", b"Host: a", b"\x00", b":"),
        *(b"Expect: 100-continue", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"0\r\n\r\n"),
        *(b"Connection: upgrade", b"Upgrade: h2c"),
    )
)
tried: Counter[bytes] = Counter()


@pytest.fixture(scope="module", autouse=True)
def say_what_was_tried() -> Iterator[None]:
    yield
    told = ", ".join(f"{count} {status.decode() or 'closed'}" for status, count in sorted(tried.items()))
    print(f"\n{tried.total()} requests of random bytes: {told}")  # noqa: T201


@settings(max_examples=300)
@given(st.lists(piece | st.binary(max_size=40), max_size=30))
def test_any_bytes_are_answered_or_closed(lasting: str, pieces: list[bytes]) -> None:
    with RawClient(lasting) as client:
        client.send(b"".join(pieces))
        answer = client.read_all()
    tried[answer[9:12]] += 1

    assert b"Traceback" not in answer
    assert answer == b"" or re.match(rb"HTTP/1\.[01] [1-4]", answer)

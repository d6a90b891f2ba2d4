"""However a process begins or ends: nothing hangs, nothing is lost or counts twice, the exit code stays."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.http import fetch
from tests.reliability.outages import silent
from tests.reliability.receiver import Receiver, grpc_receiver, http_receiver
from tests.reliability.scraping import Ended, run, started

COUNTER = "scraper.properties_scraped"
RARELY = {"PHOENIX_OTEL_COLLECTION_INTERVAL": 3600}
"""So that what arrives is the last push, and nothing else."""


def settled(receiver: Receiver, expected: dict[str, float] | float, ended: Ended) -> None:
    """Assert what has arrived, and that telemetry had nothing to complain of."""
    found = sorted(receiver.totals(COUNTER).values())
    wanted = sorted(expected.values()) if isinstance(expected, dict) else [expected]
    assert [value for value in found if value] == wanted, ended
    assert [line for line in ended.complaints if "attaching" not in line] == [], ended.err
    print(f"processes: {len(found)}, recorded: {sum(wanted):.0f}, lost: {sum(wanted) - sum(found):.0f}")  # noqa: T201


ENDINGS = {
    "end of the program": ("record(7)", 0),
    "sys.exit": ("record(7); sys.exit(3)", 3),
    "sys.exit in a handler of SIGINT": (
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(4)); record(7); signal.raise_signal(signal.SIGINT)",
        4,
    ),
    "exception": ("record(7); 1 / 0", 1),
    "exception in the event loop": (
        "import asyncio\nasync def main():\n    record(7)\n    raise KeyError\nasyncio.run(main())",
        1,
    ),
    "KeyboardInterrupt": ("record(7); signal.raise_signal(signal.SIGINT)", -signal.SIGINT),
    "SIGTERM": ("record(7); signal.raise_signal(signal.SIGTERM); time.sleep(60)", -signal.SIGTERM),
    "SIGTERM in an event loop": (
        "import asyncio\nasync def main():\n    record(7)\n    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    await asyncio.sleep(60)\nasyncio.run(main())",
        -signal.SIGTERM,
    ),
    "threads that record to the end": (
        "threads = [threading.Thread(target=record, args=(1,)) for _ in range(7)]\n[each.start() for each in threads]",
        0,
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_last_push_arrives_and_the_exit_code_stays(ending: str, tmp_path: Path) -> None:
    program, code = ENDINGS[ending]
    with http_receiver() as receiver:
        ended = run(program, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **RARELY)
        assert ended.code == code, ended.err
        settled(receiver, 7, ended)


HANDLERS = {
    "exits": ("def handler(*_):\n    say('mine')\n    sys.exit(5)", 5),
    "ends at once": ("def handler(*_):\n    say('mine')\n    os._exit(6)", 6),
    "sets a flag": ("stop = threading.Event()\ndef handler(*_):\n    say('mine')\n    record(3)\n    stop.set()", 0),
}


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_of_the_programs_own_is_called_once(handler: str, order: str, tmp_path: Path) -> None:
    source, code = HANDLERS[handler]
    install = f"{source}\nsignal.signal(signal.SIGTERM, handler)"
    wait = "stop.wait()" if "stop" in source else "signal.pause()\ntime.sleep(60)"
    again = "telemetry.shutdown(); telemetry = phoenix_otel.configure_telemetry(path='/m')"
    order_of_both = f"{install}\n{again}" if order == "before" else install
    program = f"{order_of_both}\nrecord(7)\nsay('ready')\n{wait}"
    with http_receiver() as receiver:
        with started(program, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **RARELY) as running:
            running.says("ready")
            ended = running.ends(signal.SIGTERM)
        assert (ended.code, ended.out) == (code, "mine\n"), ended.err
        if (handler, order) != ("ends at once", "after"):  # it has taken our place, and ends without a word
            settled(receiver, 10 if handler == "sets a flag" else 7, ended)


IN_A_LOOP = """
import asyncio
async def main(number):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: (say("mine"), stop.set()))
    {configure}
    phoenix_otel.get_metrics_collector().scraper
    record(7)
    say("ready")
    await stop.wait()
    record(3)
asyncio.run(main(0))
"""


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_handler_in_an_event_loop_is_called_once(order: str, tmp_path: Path) -> None:
    again = "telemetry.shutdown(); phoenix_otel.configure_telemetry(path='/m')"
    program = IN_A_LOOP.format(configure=again if order == "before" else "")
    with http_receiver() as receiver:
        with started(program, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **RARELY) as running:
            running.says("ready")
            ended = running.ends(signal.SIGTERM)
        assert (ended.code, ended.out) == (0, "mine\n"), ended.err
        settled(receiver, 10, ended)


def test_a_busy_scraper_does_not_deadlock_with_its_last_push(tmp_path: Path) -> None:
    """The signal comes in the middle of a record, whose locks the push needs."""
    program = "record(1000)\nsay('ready')\nwhile True: record(1000)"
    with http_receiver() as receiver:
        for _ in range(3):
            with started(program, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **RARELY) as running:
                running.says("ready")
                ended = running.ends(signal.SIGTERM)
            assert ended.code == -signal.SIGTERM
            assert ended.complaints == []
        assert len(receiver.totals(COUNTER)) == 3
        assert min(receiver.totals(COUNTER).values()) > 0


def test_a_second_sigterm_is_not_held_back(tmp_path: Path) -> None:
    with silent() as endpoint:
        program = """
            record(7)
            say("ready")
            while "phoenix-otel-termination" not in {thread.name for thread in threading.enumerate()}:
                time.sleep(0.01)
            say("first")
            time.sleep(60)
        """
        with started(
            program, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, PHOENIX_OTEL_SHUTDOWN_TIMEOUT=30, **RARELY
        ) as running:
            running.says("ready")
            running.process.send_signal(signal.SIGTERM)
            running.says("first")
            assert running.ends(signal.SIGTERM).code == -signal.SIGTERM


def test_signals_are_left_alone_where_that_is_asked_for(tmp_path: Path) -> None:
    program = "record(7)\nsay(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)\nsignal.raise_signal(signal.SIGTERM)"
    with http_receiver() as receiver:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "PHOENIX_OTEL_HANDLE_SIGNALS": "false"}
        ended = run(program, tmp_path, **variables, **RARELY)
        assert (ended.code, ended.out) == (-signal.SIGTERM, "True\n")
        assert receiver.totals(COUNTER) == {}


def test_a_program_that_ignores_sigterm_goes_on(tmp_path: Path) -> None:
    program = """
        telemetry.shutdown()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        telemetry = phoenix_otel.configure_telemetry(path="/m")
        signal.raise_signal(signal.SIGTERM)
        record(7)
    """
    with http_receiver() as receiver:
        ended = run(program, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **RARELY)
        assert ended.code == 0
        settled(receiver, 7, ended)


def test_shutdown_gives_sigterm_back(tmp_path: Path) -> None:
    program = "telemetry.shutdown()\nsay(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"
    assert run(program, tmp_path).out == "True\n"


def test_an_event_loop_may_be_closed_and_another_one_started(tmp_path: Path) -> None:
    program = """
        import asyncio, json, urllib.request
        async def main():
            phoenix_otel.get_metrics_collector().watch_loop()
            record(1)
            await asyncio.sleep(0.3)
            return json.load(await asyncio.to_thread(urllib.request.urlopen, telemetry.url + "/health"))
        for _ in range(3):
            health = asyncio.run(main())
            say(health["status"], health["components"]["event_loop"]["lag_seconds"] is not None)
    """
    with http_receiver() as receiver:
        ended = run(program, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **RARELY)
        assert ended.out == "healthy True\n" * 3
        settled(receiver, 3, ended)


FORKS = {
    "os.fork": """
        record(100)
        child = os.fork()
        record(1 if child == 0 else 10)
        if child:
            os.waitpid(child, 0)
    """,
    "multiprocessing, fork": """
        import multiprocessing
        record(100)
        child = multiprocessing.get_context("fork").Process(target=record, args=(1,))
        child.start()
        record(10)
        child.join()
    """,
    "a fork from a thread": """
        def fork():
            child = os.fork()
            record(1 if child == 0 else 10)
            if child:
                os.waitpid(child, 0)
            else:
                telemetry.shutdown()
                os._exit(0)
        record(100)
        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()
    """,
}


@pytest.mark.parametrize("way", FORKS)
@pytest.mark.parametrize("name", ["", "service.instance.id=worker"])
def test_a_child_starts_at_zero_and_under_its_own_name(way: str, name: str, tmp_path: Path) -> None:
    with http_receiver() as receiver:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_RESOURCE_ATTRIBUTES": name}
        ended = run(FORKS[way], tmp_path, **variables, **RARELY)
        assert ended.code == 0, ended.err
        settled(receiver, {"parent": 110, "child": 1}, ended)
        if name:
            names = sorted(receiver.totals(COUNTER))
            assert names[0] == "worker"
            assert names[1].startswith("worker-")


def test_spawned_processes_count_for_themselves(tmp_path: Path) -> None:
    program = """
        import multiprocessing
        def work():
            record(1)
        if __name__ == "__main__":
            record(100)
            context = multiprocessing.get_context("spawn")
            children = [context.Process(target=work) for _ in range(2)]
            [child.start() for child in children]
            [child.join() for child in children]
            record(10)
    """
    with http_receiver() as receiver:
        ended = run(program, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **RARELY)
        settled(receiver, {"parent": 110, "one": 1, "other": 1}, ended)


def test_workers_of_a_pool_lose_nothing(tmp_path: Path) -> None:
    program = """
        import concurrent.futures, multiprocessing
        record(100)
        context = multiprocessing.get_context("fork")
        with concurrent.futures.ProcessPoolExecutor(3, mp_context=context) as pool:
            list(pool.map(record, [1] * 50))
        with context.Pool(2) as pool:  # ended by SIGTERM
            pool.map(record, [1] * 50)
    """
    with http_receiver() as receiver:
        ended = run(program, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **RARELY)
        assert ended.code == 0, ended.err
        assert receiver.total(COUNTER) == 200
        print(f"processes: {len(receiver.totals(COUNTER))}, recorded: 200, lost: {200 - receiver.total(COUNTER):.0f}")  # noqa: T201


def test_a_fork_in_the_middle_of_a_collection(tmp_path: Path) -> None:
    """The collecting thread holds the parent's locks, and is not there in the child."""
    program = """
        import urllib.request
        collecting, go_on = threading.Event(), threading.Event()
        def slow(_):
            collecting.set()
            go_on.wait(20)
            return []
        telemetry.meter.create_observable_gauge("slow", [slow])
        record(100)
        scrape = threading.Thread(target=lambda: urllib.request.urlopen(telemetry.url + "/metrics").read())
        scrape.start()
        collecting.wait()
        child = os.fork()
        if child:
            go_on.set()
            record(10)
            say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            scrape.join()
        else:
            record(1)
            text = urllib.request.urlopen(telemetry.url + "/metrics").read().decode()
            sys.exit(0 if 'scraper_properties_scraped_total{status="success",zipcode="85001"} 1.0' in text else 9)
    """
    with http_receiver() as receiver:
        ended = run(program, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **RARELY)
        assert ended.out == "0\n", ended.err
        settled(receiver, {"parent": 110, "child": 1}, ended)


def test_forks_while_all_threads_record_and_push(tmp_path: Path) -> None:
    program = """
        import urllib.request
        done = threading.Event()
        def busy():
            while not done.is_set():
                scraper.record_retry("search", 1)
        def scrape():
            while not done.is_set():
                urllib.request.urlopen(telemetry.url + "/metrics").read()
        threads = [threading.Thread(target=each, daemon=True) for each in (busy, scrape)]
        [thread.start() for thread in threads]
        children = []
        for _ in range(10):
            child = os.fork()
            if child == 0:
                record(1)
                telemetry.shutdown()
                os._exit(0)
            children.append(child)
        record(100)
        say([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
        done.set()
        [thread.join() for thread in threads]
    """
    with http_receiver() as receiver:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "PHOENIX_OTEL_COLLECTION_INTERVAL": 0.02}
        ended = run(program, tmp_path, **variables)
        assert ended.out == f"{[0] * 10}\n", ended.err
        settled(receiver, {str(number): 1.0 for number in range(10)} | {"parent": 100}, ended)


def test_parent_and_child_serve_their_own_numbers(tmp_path: Path) -> None:
    program = """
        from opentelemetry import metrics
        record(100)
        child = os.fork()
        record(1)
        metrics.get_meter("shop").create_counter("orders").add(1 if child == 0 else 2)
        say(telemetry.url)
        signal.pause() if child == 0 else os.waitpid(child, 0)
    """
    with started(program, tmp_path) as running:
        urls = {running.tells(), running.tells()}
        found = {}
        for url in urls:
            text = fetch(url, "/metrics").text
            found[text.split('zipcode="85001"} ')[1].split()[0]] = text.split("orders_total{")[1].split()[1]
            assert fetch(url, "/health").status == 200
        assert found == {"101.0": "2.0", "1.0": "1.0"}


def test_a_program_with_its_own_provider_forks(tmp_path: Path) -> None:
    program = """
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        telemetry.shutdown()
        provider = MeterProvider()
        telemetry = phoenix_otel.telemetry.Telemetry
        from phoenix_otel.testing import reset
        reset()
        from opentelemetry.test import globals_test
        globals_test.reset_metrics_globals()
        metrics.set_meter_provider(provider)
        telemetry = phoenix_otel.configure_telemetry(otlp_endpoint=sys.argv[1] if sys.argv[1:] else os.environ["TO"])
        record(100)
        child = os.fork()
        record(1 if child == 0 else 10)
        if child:
            os.waitpid(child, 0)
    """
    with http_receiver() as receiver:
        ended = run(program, tmp_path, TO=receiver.endpoint, **RARELY)
        assert ended.code == 0, ended.err
        settled(receiver, {"parent": 110, "child": 1}, ended)


def test_grpc_survives_a_fork(tmp_path: Path) -> None:
    with grpc_receiver() as receiver:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
        program = "record(50); telemetry.force_flush()\n" + "\n".join(
            line[8:] for line in FORKS["os.fork"].splitlines()
        ).replace("100", "50")
        ended = run(program, tmp_path, **variables, **RARELY)
        assert ended.code == 0, ended.err
        settled(receiver, {"parent": 110, "child": 1}, ended)

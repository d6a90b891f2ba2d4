"""configure_telemetry() and the Telemetry handle: the only module with global state."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import parent_process, util
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Final, Self

from opentelemetry import metrics, trace
from opentelemetry.metrics import Meter, NoOpMeter
from opentelemetry.sdk.trace import TracerProvider

from phoenix_otel._version import __version__
from phoenix_otel.config import ConfigError, MetricsConfig, TelemetryConfig, resolve
from phoenix_otel.instrumentation import Hooks, default_collector
from phoenix_otel.instrumentation.calls import request_attributes
from phoenix_otel.pipeline import health
from phoenix_otel.pipeline.access import Access, build_access
from phoenix_otel.pipeline.deadline import within
from phoenix_otel.pipeline.pipeline import SCOPE, Pipeline, build_pipeline
from phoenix_otel.pipeline.resource import build_resource
from phoenix_otel.pipeline.server import MetricsServer, listen
from phoenix_otel.pipeline.snapshot import Snapshot
from phoenix_otel.pipeline.target_file import TargetFile
from phoenix_otel.pipeline.termination import Termination
from phoenix_otel.pipeline.tracing import build_tracing
from phoenix_otel.pipeline.watchdog import Watchdog, Watched
from phoenix_otel.recorders import Binding, MetricsCollector, SystemSampler

_logger = logging.getLogger("phoenix_otel")

_ATTACH_WITHIN: Final = 2.0


@dataclass
class _State:
    """What the process has one of: collector, hooks, the active handle, and the provider that we made global."""

    lock: RLock = field(default_factory=RLock)
    collector: MetricsCollector = field(default_factory=MetricsCollector)
    hooks: Hooks = field(init=False)
    active: Telemetry | None = None
    global_provider: metrics.MeterProvider | None = None
    inherited: list[object] = field(default_factory=list)
    """What a parent's threads use: kept in a child, for its end would reach into the parent."""
    follows_forks: bool = False

    def __post_init__(self) -> None:
        self.hooks = Hooks(self.collector)


class Telemetry:
    """The running telemetry: made by configure_telemetry(), ended by shutdown() or by leaving its `with` block."""

    def __init__(self, config: TelemetryConfig, collector: MetricsCollector) -> None:
        self.config = config
        self.collector = collector
        self.meter: Meter = NoOpMeter(SCOPE)
        self._pipeline: Pipeline | None = None
        self._server: MetricsServer | None = None
        self._sampler: SystemSampler | None = None
        self._tracing: TracerProvider | None = None
        self._watchdog = Watchdog((), (), collector.guard)
        self._targets = TargetFile(Path(config.options.target_files)) if config.options.target_files else None
        self._termination = Termination(self._last_push)
        self._clean_end: bool | None = None
        self._access = Access()

    @property
    def url(self) -> str:
        """Base URL of the endpoint, such as http://127.0.0.1:9090; empty while there is none."""
        return self._server.url if self._server is not None else ""

    def stats(self) -> dict[str, Any]:
        """Return the current values, as /stats shows them."""
        return {"service": self.config.service_name, "domains": self._snapshot().stats()}

    def force_flush(self, timeout: float = 5.0) -> bool:
        """Push what there is over OTLP, within `timeout` seconds; tell whether it arrived."""
        return self._pipeline is None or self._pipeline.force_flush(timeout)

    def shutdown(self, timeout: float | None = None) -> bool:
        """Push for the last time, close the endpoint and stop recording, all within `timeout` seconds.

        Returns whether everything got done in time. A second call returns the same and does nothing.
        """
        with _state.lock:
            if self._clean_end is None:
                self._clean_end = self._end(self.config.options.shutdown_timeout if timeout is None else timeout)
            return self._clean_end

    async def stop_http_server(self) -> None:
        """Close the endpoint without blocking the loop; recording and pushing go on."""
        await asyncio.to_thread(self._stop_server, self.config.options.shutdown_timeout)

    def start_http_server(self) -> None:
        """Open the endpoint, unless it is open or not configured; ConfigError if the host is not this machine's."""
        if self._server is None and self._pipeline is not None and self._pipeline.prometheus is not None:
            self._serve(self._pipeline, self._listen())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.shutdown()

    def _serve(self, pipeline: Pipeline, listening: socket.socket) -> None:
        options = self.config.options
        server = MetricsServer(
            self._snapshot,
            self._health(pipeline, options),
            self.collector.guard,
            service=self.config.service_name,
            metrics_path=options.path,
            labels=options.labels,
            access=self._access,
        )
        server.start(listening, options.host)
        self._server = server
        if self._targets is not None:
            with self.collector.guard.section("writing the target file"):
                self._targets.write(server.url, options.path)
        _logger.info("phoenix_otel: metrics at %s%s", server.url, options.path)

    def _listen(self, port: int | None = None) -> socket.socket:
        options = self.config.options
        try:
            return listen(options.host, options.port if port is None else port)
        except OSError as error:
            source = self.config.sources.get("host", "default")
            raise ConfigError(
                f"option host: {options.host!r} from {source} cannot be listened on ({error.strerror}); "
                "allowed: an address of this machine"
            ) from error

    def _start(self, foreign: metrics.MeterProvider | None, *, forked: bool = False) -> None:
        options = self.config.options
        self._access = build_access(self.config)
        with ExitStack() as undo:
            # first of all: the port is a part of what this process is called
            serving = "prometheus" in self.config.exporters
            listening = self._listen(port=0 if forked else None) if serving else None
            if listening is not None:
                undo.callback(listening.close)
            resource = build_resource(self.config, listening.getsockname()[1] if listening else None, forked=forked)
            self._pipeline = build_pipeline(self.config, resource, foreign, self.collector.guard)
            if self._pipeline.prometheus is not None:
                undo.pop_all()
        self._tracing = build_tracing(self.config, resource, request_attributes)
        if self._tracing is not None:
            trace.set_tracer_provider(self._tracing)
        if isinstance(trace.get_tracer_provider(), TracerProvider):
            _state.hooks.spans.tracer = trace.get_tracer(SCOPE, __version__)
        self.meter = self._pipeline.meter()
        self._sampler = SystemSampler(options.collection_interval, self.collector.guard)
        buckets = {name: getattr(options, name) for name in ("response_time_buckets", "content_size_buckets")}
        self.collector.bind(Binding(self.meter, buckets, options.cardinality_limit, options.cardinality_limits))
        self.collector.system.watch(self._sampler)
        self.collector.telemetry.observe_series(self._pipeline, Pipeline.series_of_others)
        self.collector.watch_loop()
        self._sampler.start()
        self._watchdog = self._watch(self._pipeline, self._sampler)
        if listening is not None and self._pipeline.prometheus is not None:
            self._serve(self._pipeline, listening)

    def _watch(self, pipeline: Pipeline, sampler: SystemSampler) -> Watchdog:
        watched = [
            Watched("sampler", lambda: sampler.alive, sampler.start),
            Watched("endpoint", lambda: self._server is None or self._server.alive, self._reopen),
            *(Watched("push", partial(getattr, reader, "alive"), reader.start) for reader in pipeline.pushing),
        ]
        watchdog = Watchdog(watched, [reader.notice_delay for reader in pipeline.pushing], self.collector.guard)
        self.collector.telemetry.watch(pipeline.otlp, watchdog.restarts)
        watchdog.start()
        return watchdog

    def _reopen(self) -> None:
        """Serve again, on the same port, after the server's thread has died."""
        server, pipeline = self._server, self._pipeline
        if server is not None and pipeline is not None:
            server.stop(timeout=3.0)  # if it was its worker that has died, the port has to become free
            self._serve(pipeline, self._listen(server.port))

    def _last_push(self, process_ends: bool) -> None:
        """Push because SIGTERM has come; all is over then, unless the program has a handler of its own."""
        if process_ends:
            self.shutdown()
        else:
            self.force_flush(self.config.options.shutdown_timeout)

    def _stay_until_the_end(self) -> None:
        """See to the last push at the end of this process, and of workers of multiprocessing, which run no atexit."""
        atexit.register(self.shutdown)
        util.register_after_fork(self, Telemetry._end_with_worker)
        if parent_process() is not None:
            self._end_with_worker()
        if self.config.options.handle_signals:
            self._termination.install()

    def _end_with_worker(self) -> None:
        util.Finalize(None, self.shutdown, exitpriority=0)

    def _continue_in_child(self) -> None:
        """Start anew after a fork, at zero and under a name of its own; what the parent uses is not touched."""
        pipeline, server = self._pipeline, self._server
        _state.inherited.append((pipeline, server, self._sampler, self._watchdog, self._targets))
        if pipeline is None:
            return
        self._server, self._pipeline, self._clean_end = None, None, None
        self._targets = TargetFile(Path(self.config.options.target_files)) if self._targets is not None else None
        self._termination.start_over()
        pipeline.abandon()
        if server is not None:
            server.abandon()
        self.collector.start_over()
        if pipeline.owned:
            self._start(None, forked=True)
            _replace_global(self._pipeline)
        elif not within(_ATTACH_WITHIN, lambda: self._start(pipeline.provider, forked=True)):
            _logger.warning("phoenix_otel: a child cannot attach to its parent's MeterProvider; it records nothing")

    def _end(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        self._watchdog.stop(min(0.5, timeout))
        clean = self._pipeline is None or self._pipeline.shutdown(timeout)
        _state.hooks.spans.tracer = None
        if self._tracing is not None:
            clean = within(max(0.1, deadline - time.monotonic()), self._tracing.shutdown) and clean
        self.collector.unbind()
        if self._sampler is not None:
            self.collector.system.watch(None)
            self._sampler.stop(max(0.0, deadline - time.monotonic()))
        self._stop_server(max(0.1, deadline - time.monotonic()))
        atexit.unregister(self.shutdown)
        self._termination.remove()  # last: a SIGTERM that comes meanwhile has to wait for the push
        if _state.active is self:
            _state.active = None
        return clean

    def _stop_server(self, timeout: float) -> None:
        server, self._server = self._server, None
        if self._targets is not None:
            with self.collector.guard.section("removing the target file"):
                self._targets.remove()
        if server is not None:
            server.stop(timeout)

    def _snapshot(self) -> Snapshot:
        reader = self._pipeline.prometheus if self._pipeline is not None else None
        return reader.snapshot() if reader is not None else Snapshot([])

    def _collection_is_stuck(self) -> bool:
        return self._server is not None and self._server.stuck

    def _health(self, pipeline: Pipeline, options: MetricsConfig) -> health.Health:
        components = {
            "records": partial(health.records, self.collector, options.max_record_age),
            "event_loop": partial(health.event_loop, self.collector.loop, options.max_loop_lag),
            "endpoint": partial(health.endpoint, self._collection_is_stuck, self._watchdog),
        }
        if self._sampler is not None:
            components["system_sampler"] = partial(health.system_sampler, self._sampler, self._watchdog)
        if pipeline.otlp is not None:
            components["otlp_push"] = partial(health.otlp_push, pipeline.otlp, self._watchdog)
        return health.Health(components)


def _follow_forks() -> None:
    """See to children from now on.

    Not before everything is imported: children run such functions in the order in which they were registered, and
    libraries free the locks there that they have taken for the fork.
    """
    if not _state.follows_forks and hasattr(os, "register_at_fork"):
        _state.follows_forks = True
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    """Go on in a child: with locks of its own, for the parent's may be held by threads that are not there."""
    _state.lock = RLock()
    if _state.active is not None:
        with _state.collector.guard.section("starting again after a fork"):
            _state.active._continue_in_child()


_state = _State()
default_collector.provide(lambda: _state.collector)


def configure_telemetry(
    *, config: MetricsConfig | None = None, config_file: str | os.PathLike[str] | None = None, **options: Any
) -> Telemetry:
    """Start telemetry and return its handle; `options` are the fields of MetricsConfig, None meaning not given.

    The same resolved configuration returns the same handle until it is shut down. If the program has set a
    MeterProvider, it is used. Raises ConfigError for a wrong option, and for one that differs from what is running.
    """
    resolved = resolve(config, options, config_file=config_file)
    with _state.lock:
        if _state.active is not None:
            if _state.active.config == resolved:
                return _state.active
            raise ConfigError(f"telemetry runs already, with {_state.active.config}; asked for now: {resolved}")
        telemetry = Telemetry(resolved, _state.collector)
        if resolved.options.enabled:
            telemetry._start(_foreign_provider())
            _make_global(telemetry)
            telemetry._stay_until_the_end()
            _follow_forks()
        _state.active = telemetry
        return telemetry


async def start_metrics_server(config: MetricsConfig | None = None) -> Telemetry:
    """Start telemetry without blocking the loop; returns the handle, with `.url` and stop_http_server()."""
    telemetry = await asyncio.to_thread(configure_telemetry, config=config)
    await asyncio.to_thread(telemetry.start_http_server)
    telemetry.collector.watch_loop()
    return telemetry


def get_metrics_collector(config: MetricsConfig | None = None) -> MetricsCollector:
    """Return the collector, before and after configure_telemetry(); until then its records go nowhere.

    With a `config` it is the same as configure_telemetry(config=config).collector.
    """
    return _state.collector if config is None else configure_telemetry(config=config).collector


def reset() -> None:
    """Shut down what runs and forget it: the next configure_telemetry() starts as in a new process. For tests."""
    with _state.lock:
        if _state.active is not None:
            _state.active.shutdown()
        _state.global_provider = None


def active_config() -> TelemetryConfig | None:
    """Return the configuration that telemetry runs with, None while it does not."""
    return _state.active.config if _state.active is not None else None


def get_hooks() -> Hooks:
    """Return the hooks that record on the collector."""
    return _state.hooks


def _foreign_provider() -> metrics.MeterProvider | None:
    """Return the global MeterProvider if the program has set one, None if there is none or it was ours."""
    provider = metrics.get_meter_provider()
    if provider is _state.global_provider or type(provider).__name__ == "_ProxyMeterProvider":
        return None
    return provider


def _make_global(telemetry: Telemetry) -> None:
    """Let the program's own meters record here too; OpenTelemetry allows that once a process."""
    pipeline = telemetry._pipeline
    if pipeline is None or not pipeline.owned:
        return
    if _state.global_provider is None:
        metrics.set_meter_provider(pipeline.provider)
        _state.global_provider = pipeline.provider
    else:
        _logger.info("phoenix_otel: meters obtained before this restart of telemetry stay silent")


def _replace_global(pipeline: Pipeline | None) -> None:
    """Let meters that a child obtains record in the child; OpenTelemetry allows no second global provider."""
    if pipeline is not None and _state.global_provider is not None:
        setattr(_state.global_provider, "get_meter", pipeline.provider.get_meter)  # noqa: B010 - it is a method

"""The hooks of one collector, joined: they share what they know about each object."""

from __future__ import annotations

from phoenix_otel.instrumentation.call_spans import CallSpans
from phoenix_otel.instrumentation.per_instance import PerInstance
from phoenix_otel.instrumentation.proxy_manager import ProxyManagerHooks
from phoenix_otel.instrumentation.rate_limiter import RateLimiterHooks, WatchedLimiter
from phoenix_otel.instrumentation.scraper import ScraperHooks
from phoenix_otel.recorders import MetricsCollector


class Hooks:
    """`.scraper .proxy_manager .rate_limiter`, each with instrument(cls); `.spans` around them."""

    def __init__(self, collector: MetricsCollector) -> None:
        self.guard = collector.guard
        self.spans = CallSpans()
        limiters = PerInstance(lambda limiter: WatchedLimiter(collector, limiter))
        self.scraper = ScraperHooks(collector, limiters, self.spans)
        self.proxy_manager = ProxyManagerHooks(collector, self.spans)
        self.rate_limiter = RateLimiterHooks(collector, limiters, self.spans)

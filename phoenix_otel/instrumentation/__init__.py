"""Sees what a scraper's own classes do, without changing what they do."""

from __future__ import annotations

from phoenix_otel.instrumentation.hooks import Hooks
from phoenix_otel.instrumentation.trackers import ProxyTracker, ScraperTracker

__all__ = ["Hooks", "ProxyTracker", "ScraperTracker"]

"""Alerts about the proxies."""

from __future__ import annotations

from typing import Final

from phoenix_otel.catalog import proxy
from phoenix_otel.generate.alert import RATIO, Alert, Tuning
from phoenix_otel.generate.promql import ON, Query, duration_text, number_text
from phoenix_otel.generate.recording_rules import FAILED_PROXY_REQUESTS


def _none_healthy(query: Query, tuning: Tuning) -> str:
    had_some = f"max_over_time({query.series(proxy.TOTAL_COUNT)}[{duration_text(tuning.window or 0)}])"
    return f"{query.series(proxy.HEALTHY_COUNT)} == 0\nunless {ON}\n{had_some} == 0"


def _few_healthy(query: Query, tuning: Tuning) -> str:
    healthy = query.series(proxy.HEALTHY_COUNT)
    all_are = f"{healthy} >= {query.series(proxy.TOTAL_COUNT)}"
    return f"{healthy} < {number_text(tuning.threshold or 0)}\nunless\n{all_are}"


def _failure_rate(query: Query, tuning: Tuning) -> str:
    high = f"{FAILED_PROXY_REQUESTS.record(query)} > {number_text(tuning.threshold or 0)}"
    return f"{high}\nand {ON}\n{query.enough(proxy.REQUESTS, tuning.floor)}"


ALERTS: Final = (
    Alert(
        name="NoHealthyProxies",
        fires_when="no proxy can be used, and the pool had some in the last [window]",
        expression=_none_healthy,
        default=Tuning(severity="critical", window=3600, hold=60, keep=300),
        summary="No healthy proxy on {{ $labels.instance }}",
        description="{{ $value | humanize }} proxies can be used: nothing can be scraped through the pool.",
        silences=("LowHealthyProxyCount", "HighProxyFailureRate"),
    ),
    Alert(
        name="LowHealthyProxyCount",
        fires_when="fewer than [threshold] proxies can be used, and not all that there are",
        expression=_few_healthy,
        default=Tuning(severity="warning", threshold=3, hold=300, keep=300),
        summary="Few healthy proxies on {{ $labels.instance }}",
        description="{{ $value | humanize }} proxies can be used (limit: [threshold]).",
    ),
    Alert(
        name="HighProxyFailureRate",
        fires_when="more than [threshold] of the requests through proxies fail",
        expression=_failure_rate,
        threshold=RATIO,
        default=Tuning(severity="warning", threshold=0.3, floor=5, hold=300, keep=300),
        summary="Proxies often fail on {{ $labels.instance }}",
        description="{{ $value | humanizePercentage }} of the requests through proxies failed over the last "
        "[rate_window] (limit: [threshold]).",
    ),
)

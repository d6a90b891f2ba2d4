"""A user's proxy manager class, decorated."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from phoenix_otel import metrics_integrated_proxy_manager
from phoenix_otel.testing import RecordedMetrics
from tests.integration.users_classes import ProxyManager, proxies


def monitored() -> type[ProxyManager]:
    @metrics_integrated_proxy_manager
    class MonitoredProxyManager(ProxyManager):
        pass

    return MonitoredProxyManager


async def test_requests_and_rotations(recorded: RecordedMetrics) -> None:
    manager = monitored()(proxies(2))
    first, second = await manager.get_next_proxy(), await manager.get_next_proxy()
    await manager.mark_success(first)
    await manager.mark_success(first)
    await manager.mark_failed(proxy=second)

    keys = [f"{proxy['host']}:{proxy['port']}" for proxy in (first, second)]
    assert recorded.value("proxy_rotations_total") == 2
    assert recorded.label_sets("proxy_requests_total") == {
        (("proxy_id", keys[0]), ("status", "success")): 2,
        (("proxy_id", keys[1]), ("status", "failed")): 1,
    }


async def test_an_empty_pool_is_no_rotation_and_raises_as_ever(recorded: RecordedMetrics) -> None:
    manager = monitored()(proxies(1))
    await manager.mark_failed(manager.proxies[0])
    with pytest.raises(LookupError, match="no healthy proxies"):
        await manager.get_next_proxy()

    assert recorded.value("proxy_rotations_total") == 0


async def test_health_checks_are_no_requests(recorded: RecordedMetrics) -> None:
    manager = monitored()(proxies(3))
    manager.unhealthy = {"10.0.0.2:8080"}
    await manager.check_all_health()
    await manager.check_health(manager.proxies[1])

    assert recorded.value("proxy_health_check_duration_seconds_count") == 4
    assert recorded.label_sets("proxy_health_check_failures_total") == {
        (("proxy_id", "10.0.0.2:8080"), ("reason", "unhealthy")): 2
    }
    assert recorded.value("proxy_requests_total") == 0


async def test_a_health_check_that_raises_is_a_failure_with_its_reason(recorded: RecordedMetrics) -> None:
    @metrics_integrated_proxy_manager
    class Raising(ProxyManager):
        async def check_health(self, proxy: dict[str, Any]) -> bool:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await Raising(proxies(1)).check_health(proxies(1)[0])
    assert recorded.value("proxy_health_check_failures_total", reason="TimeoutError") == 1


async def test_counts_are_observed_when_read(recorded: RecordedMetrics) -> None:
    manager = monitored()(proxies(5))
    assert [recorded.value(f"proxy_{name}") for name in ("total_count", "healthy_count", "cooldown_active")] == [
        5,
        5,
        0,
    ]

    await manager.mark_failed(manager.proxies[0])
    await manager.mark_failed(manager.proxies[1])
    assert [recorded.value(f"proxy_{name}") for name in ("total_count", "healthy_count", "cooldown_active")] == [
        5,
        3,
        2,
    ]

    manager.cooldown = 0  # as when time goes by: nobody calls a method
    assert [recorded.value(f"proxy_{name}") for name in ("total_count", "healthy_count", "cooldown_active")] == [
        5,
        5,
        0,
    ]


async def test_several_pools_add_up_and_one_that_is_gone_no_longer_counts(recorded: RecordedMetrics) -> None:
    cls = monitored()
    first, second = cls(proxies(5)), cls(proxies(2))
    await second.mark_failed(second.proxies[0])
    assert recorded.value("proxy_total_count") == 7
    assert recorded.value("proxy_healthy_count") == 6

    del first
    gc.collect()
    assert recorded.value("proxy_total_count") == 2
    assert recorded.value("proxy_healthy_count") == 1


async def test_no_credential_is_recorded(recorded: RecordedMetrics) -> None:
    manager = monitored()(proxies(2))
    proxy = await manager.get_next_proxy()
    await manager.mark_failed(proxy)
    await manager.check_all_health()

    assert not [sample for family in recorded.families() for sample in family.samples if "hunter2" in str(sample)]

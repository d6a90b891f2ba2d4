"""A proxy's password, planted wherever a proxy can appear, comes out nowhere."""

from __future__ import annotations

import logging

import pytest

from phoenix_otel import (
    ProxyMetricsIntegration,
    ScraperMetricsIntegration,
    Telemetry,
    configure_telemetry,
    metrics_decorator,
    metrics_integrated_proxy_manager,
    metrics_integrated_scraper,
)
from tests.http import fetch
from tests.integration.users_classes import PageError, PhoenixMLSScraper, ProxyManager

PASSWORD = "hunter2-planted"
WAYS_TO_WRITE_IT = [
    f"http://user:{PASSWORD}@10.0.0.1:8080",
    f"user:{PASSWORD}@10.0.0.1:8080",
    f"10.0.0.1:8080:user:{PASSWORD}",
    f"socks5://user:{PASSWORD}@10.0.0.1:8080/",
]
PROXY = {"host": "10.0.0.1", "port": 8080, "type": "http", "username": "user", "password": PASSWORD}


def record_everywhere(telemetry: Telemetry, written: str) -> None:
    collector = telemetry.collector
    proxies = ProxyMetricsIntegration()
    proxies.track_proxy_request(written, "failed")
    proxies.track_proxy_health_check(written, 0.1, success=False, reason=f"cannot reach {written}")
    proxies.track_proxy_response_time(written, 0.1)
    collector.scraper.record_request("failed", written)
    collector.scraper.record_error(f"ProxyError({written!r})", written)
    collector.scraper.record_content_size(1, written, written)
    collector.scraper.record_property_scraped(written)
    collector.database.record_connection_error(f"via {written}")
    collector.rate_limit.record_rate_limit_hit(written, written, 1)
    collector.rate_limit.set_current_rate(written, 1)
    metrics_decorator("proxy_request", {"proxy_id": written})(lambda: None)()


async def scrape_with_classes() -> None:
    manager = metrics_integrated_proxy_manager(type("Manager", (ProxyManager,), {}))([PROXY])
    proxy = await manager.get_next_proxy()
    await manager.mark_success(proxy)
    manager.unhealthy = {"10.0.0.1:8080"}
    await manager.check_all_health()
    await manager.mark_failed(proxy)

    class Scraper(PhoenixMLSScraper):
        def _fail(self, page: str) -> None:
            raise PageError(f"proxy {WAYS_TO_WRITE_IT[0]} refused {PROXY}")

    with pytest.raises(PageError):
        await metrics_integrated_scraper(Scraper)().search_properties_by_zipcode("85001")
    with pytest.raises(PageError), ScraperMetricsIntegration().track_request(WAYS_TO_WRITE_IT[0]):
        raise PageError(str(PROXY))


@pytest.mark.usefixtures("production")
async def test_a_password_comes_out_nowhere(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        telemetry = configure_telemetry(port=0)
        for written in (*WAYS_TO_WRITE_IT, str(PROXY)):
            record_everywhere(telemetry, written)
        ProxyMetricsIntegration().track_proxy_request(PROXY, "failed")  # type: ignore[arg-type]
        await scrape_with_classes()
        shown = {path: fetch(telemetry.url, path).text for path in ("/metrics", "/stats", "/", "/health")}
        telemetry.shutdown()

    assert 'proxy_id="10.0.0.1:8080"' in shown["/metrics"]
    assert [path for path, text in shown.items() if PASSWORD in text] == []
    assert PASSWORD not in caplog.text
    assert PASSWORD not in "".join(capfd.readouterr())

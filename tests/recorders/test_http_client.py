"""The recorder of HTTP clients: names as the exporter writes them, labels always the same, hosts bounded."""

from __future__ import annotations

from phoenix_otel.catalog import http_client
from phoenix_otel.recorders.http_client import MOST_HOSTS
from phoenix_otel.recorders.proxy_feed import ProxyFeed
from phoenix_otel.testing import RecordedMetrics


def record_everything(recorded: RecordedMetrics, host: str) -> None:
    recorder = recorded.collector.http_client
    recorder.record_request("GET", host, 200, "", 0.1)
    recorder.record_request("GET", host, None, "TimeoutError", 0.1)
    recorder.record_body_time("GET", host, 200, "", 0.1)
    recorder.record_body_size("GET", host, 200, "", 100, "http://user:hunter2@10.0.0.1:80")
    recorder.record_resend("GET", host, "redirect")
    recorder.record_connection(host, "", 0.1)
    recorder.record_connection(host, "10.0.0.1:80", None)
    recorder.record_dns_lookup(host, 0.1)
    recorder.record_browser_request("document", host, "")
    recorder.record_browser_received("document", host, 100)


def test_names_and_labels_are_the_catalogs(recorded: RecordedMetrics) -> None:
    record_everything(recorded, "example.com")
    shown = {
        f"{family.name}_total" if family.type == "counter" else family.name: [
            set(sample.labels) - {"le"} for sample in family.samples
        ]
        for family in recorded.families()
    }
    for metric in http_client.METRICS:
        labels = {name.replace(".", "_") for name in metric.attributes}
        assert set(map(frozenset, shown[metric.prometheus_name])) == {frozenset(labels)}
    text = str(recorded.families())
    assert "hunter2" not in text
    assert recorded.value("http_client_response_body_size_bytes_sum", proxy_id="10.0.0.1:80") == 100


def test_names_of_the_conventions() -> None:
    names = {metric.name: (metric.prometheus_name, metric.unit) for metric in http_client.METRICS}
    assert names["http.client.request.duration"] == ("http_client_request_duration_seconds", "s")
    assert names["http.client.response.body.size"] == ("http_client_response_body_size_bytes", "By")
    assert names["dns.lookup.duration"] == ("dns_lookup_duration_seconds", "s")


def test_hosts_beyond_the_first_are_one(recorded: RecordedMetrics) -> None:
    count = MOST_HOSTS + 50
    for _ in range(2):
        for number in range(count):
            recorded.collector.http_client.record_dns_lookup(f"host-{number}.test", 0.1)
    names = {sample.labels["dns_question_name"] for sample in recorded.samples("dns_lookup_duration_seconds_count")}
    assert len(names) <= MOST_HOSTS + 1
    assert "other" in names
    assert recorded.value("dns_lookup_duration_seconds_count") == 2 * count


def test_unknown_methods_are_one(recorded: RecordedMetrics) -> None:
    for method in ("GET", "BREW", "SHOUT"):
        recorded.collector.http_client.record_request(method, "example.com", 200, "", 0.1)
    counts = {
        sample.labels["http_request_method"]: sample.value
        for sample in recorded.samples("http_client_request_duration_seconds_count")
    }
    assert counts == {"GET": 1, "_OTHER": 2}


class Party:
    """A manager or a client."""

    reports = False


def test_who_counts_requests_through_proxies() -> None:
    feed = ProxyFeed()
    whole, half, client = Party(), Party(), Party()
    assert feed.manager_counts(half)
    assert not feed.client_counts()

    feed.client_reports(client, True)
    assert feed.client_counts()
    assert not feed.manager_counts(half)

    feed.watch_manager(whole, lambda party: party.reports)
    feed.watch_manager(half, lambda party: party.reports)
    assert not feed.manager_counts(half)
    whole.reports = True
    assert feed.manager_counts(whole)
    assert not feed.client_counts()

    whole.reports = False
    assert feed.client_counts()
    whole.reports = True
    del whole
    assert feed.client_counts()
    feed.client_reports(client, False)
    assert feed.manager_counts(half)
    assert not feed.client_counts()

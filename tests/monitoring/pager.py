"""The whole path to a person's pager: Prometheus, Alertmanager, an inbox and a webhook, times in seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.alerts import ALERTS
from phoenix_otel.generate.files import export_prometheus_config
from tests.stack.alertmanager import AlertmanagerServer
from tests.stack.process import free_port, running
from tests.stack.prometheus import PrometheusServer
from tests.stack.sinks import Hook, Inbox

RECIPIENT: Final = "oncall@example.com"


@dataclass
class Pager:
    """The running servers, and where the scraper that they watch has to listen."""

    prometheus: PrometheusServer
    alertmanager: AlertmanagerServer
    inbox: Inbox
    hook: Hook
    port: int

    @property
    def instance(self) -> str:
        """The scraper, as Prometheus names it."""
        return f"127.0.0.1:{self.port}"

    def told(self) -> Any:
        """What has happened so far, to be shown when something else was expected."""
        return {"alerts": self.prometheus.alerts(), "mails": self.inbox.subjects(), "calls": self.hook.calls}


def in_seconds(tuned: Mapping[str, Mapping[str, Any]] = MappingProxyType({}), **given: Any) -> AlertConfig:
    """Return the default configuration with its times shortened, and nothing else but what is given."""
    alerts = {name: {"for": "2s", "keep_firing_for": 0, **tuned.get(name, {})} for name in ALERTS}
    # Prometheus takes up to 5 s after its start to look at its targets
    alerts["ScraperNotResponding"]["for"] = "8s"
    return AlertConfig(
        **{
            "alerts": alerts,
            "scrape_interval": "1s",
            "evaluation_interval": "1s",
            "rate_window": "6s",
            "grouping": {"group_wait": "0s", "group_interval": "1s"},
            "collectors": (),
            **given,
        }
    )


@asynccontextmanager
async def watching(directory: Path) -> AsyncIterator[Pager]:
    """Run Alertmanager and the sinks; Prometheus is for the test to start, once there is something to scrape."""
    async with AsyncExitStack() as stack:
        inbox = await stack.enter_async_context(Inbox().running())
        hook = await stack.enter_async_context(Hook().running())
        configuration, port = directory / "configuration", free_port()
        alertmanager = AlertmanagerServer(configuration, directory)
        config = in_seconds(
            targets=(f"127.0.0.1:{port}",),
            alertmanagers=(alertmanager.address,),
            notifications={
                "email": [
                    {
                        "to": RECIPIENT,
                        "sender": "alertmanager@example.com",
                        "smarthost": f"127.0.0.1:{inbox.port}",
                        "require_tls": False,
                    }
                ],
                "webhook": [{"url": hook.url}],
            },
        )
        export_prometheus_config(configuration, config)
        prometheus = PrometheusServer(configuration, directory)
        stack.enter_context(running(alertmanager))
        stack.callback(prometheus.kill)
        yield Pager(prometheus, alertmanager, inbox, hook, port)

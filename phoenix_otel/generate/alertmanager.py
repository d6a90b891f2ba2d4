"""Alertmanager: who is told of which alert, what silences what, and how messages look."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final

from phoenix_otel.generate.alert import SEVERITIES
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.alerts import ALERTS
from phoenix_otel.generate.notifications import Email, Notifications, Slack, Webhook
from phoenix_otel.generate.promql import duration_text

NOBODY: Final = "nobody"
_SAME_SCRAPER: Final = ["job", "instance"]


def message_templates() -> str:
    """Return the templates of messages, in Alertmanager's language."""
    return files("phoenix_otel.generate").joinpath("messages.tmpl").read_text(encoding="utf-8")


def alertmanager_config(config: AlertConfig) -> dict[str, Any]:
    """Return routes by severity after those of one's own, receivers and inhibitions."""
    grouping = config.grouping
    repeats = {severity: duration_text(getattr(grouping, f"repeat_{severity}")) for severity in SEVERITIES}
    by_severity = [
        {"receiver": severity, "matchers": [f'severity="{severity}"'], "repeat_interval": repeats[severity]}
        for severity in SEVERITIES
    ]
    own = [
        {"receiver": route.name, "matchers": list(route.matchers), "continue": route.go_on} for route in config.routes
    ]
    return {
        "global": {"resolve_timeout": duration_text(grouping.resolve_timeout)},
        "templates": ["templates/*.tmpl"],
        "route": {
            "receiver": NOBODY,
            "group_by": list(grouping.group_by),
            "group_wait": duration_text(grouping.group_wait),
            "group_interval": duration_text(grouping.group_interval),
            "repeat_interval": repeats["warning"],
            "routes": [*own, *by_severity],
        },
        "inhibit_rules": list(_inhibitions(config)),
        "receivers": [
            {"name": NOBODY},
            *(_receiver(severity, config.notifications, severity) for severity in SEVERITIES),
            *(_receiver(route.name, route) for route in config.routes),
        ],
    }


def _inhibitions(config: AlertConfig) -> Iterator[dict[str, Any]]:
    """What an alert makes superfluous about the same scraper."""
    for alert in ALERTS.values():
        if alert.silences and alert.name not in config.disabled:
            targets = f'alertname!="{alert.name}"' if "*" in alert.silences else _one_of(alert.silences)
            yield {
                "source_matchers": [f'alertname="{alert.name}"'],
                "target_matchers": [targets],
                "equal": _SAME_SCRAPER,
            }


def _one_of(names: tuple[str, ...]) -> str:
    return f'alertname=~"{"|".join(names)}"'


def _receiver(name: str, told: Notifications, severity: str | None = None) -> dict[str, Any]:
    """`severity` leaves out those that do not ask for it; a route of one's own tells all that it names."""
    kinds = {
        "email_configs": [_email(each) for each in told.email if severity in (None, *each.severities)],
        "slack_configs": [_slack(each) for each in told.slack if severity in (None, *each.severities)],
        "webhook_configs": [_webhook(each) for each in told.webhook if severity in (None, *each.severities)],
    }
    return {"name": name} | {kind: configs for kind, configs in kinds.items() if configs}


def _email(email: Email) -> dict[str, Any]:
    login = {"auth_username": email.username, "auth_password_file": email.password_file} if email.username else {}
    return {
        "to": ", ".join(email.to),
        "from": email.sender,
        "smarthost": email.smarthost,
        **login,
        "require_tls": email.require_tls,
        "send_resolved": True,
        "headers": {"Subject": '{{ template "phoenix_otel.subject" . }}'},
        "text": '{{ template "phoenix_otel.text" . }}',
        "html": '{{ template "phoenix_otel.html" . }}',
    }


def _slack(slack: Slack) -> dict[str, Any]:
    return {
        "api_url_file": slack.api_url_file,
        "channel": slack.channel,
        "send_resolved": True,
        "title": '{{ template "phoenix_otel.subject" . }}',
        "text": '{{ template "phoenix_otel.text" . }}',
        "color": '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}',
    }


def _webhook(webhook: Webhook) -> dict[str, Any]:
    where = {"url": webhook.url} if webhook.url else {"url_file": webhook.url_file}
    return {**where, "send_resolved": True}

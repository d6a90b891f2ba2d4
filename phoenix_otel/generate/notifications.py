"""Who is told of an alert, and how. Secrets are named by the file that holds them, never by value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from phoenix_otel.generate.alert import SEVERITIES, Severity
from phoenix_otel.generate.section import Problem, Section, sections, several_of
from phoenix_otel.options import BOOLEAN, LABEL_NAME, Parser, choices, duration, option, text

_PATH: Final = r"(?!.*://)\S(.*\S)?"
_ANY_FILE: Final = "the path of the file that holds it, as Alertmanager sees it"
_HOST_PORT: Final = r"(\[[0-9a-fA-F:]+\]|[^\s:]+):\d+"
_FILE: Final = text(rf"|{_PATH}", _ANY_FILE)
_SEVERITIES: Final = several_of(choices(*SEVERITIES))
_ALL: Final[tuple[Severity, ...]] = SEVERITIES
_NOT_INFO: Final[tuple[Severity, ...]] = ("critical", "warning")


def _addresses(value: Any) -> tuple[str, ...]:
    one = text(r"[^@\n]*[^\s@]@[^\s@]+", "")
    given = tuple(one.parse(each) for each in ((value,) if isinstance(value, str) else value))
    if not given:
        raise ValueError(value)
    return given


def _matchers(value: Any) -> tuple[str, ...]:
    one = text(r'[a-zA-Z_]\w*\s*(=|!=|=~|!~)\s*("[^"\n]*"|[^"\s]+)', "")
    return tuple(one.parse(each) for each in ((value,) if isinstance(value, str) else value))


ADDRESSES: Final = Parser(_addresses, "one or more e-mail addresses")
MATCHERS: Final = Parser(_matchers, """matchers such as 'environment="dev"', each of =, !=, =~, !~""")


@dataclass(frozen=True, kw_only=True)
class Email(Section):
    """E-mail through an SMTP server."""

    to: tuple[str, ...] = option((), ADDRESSES, description="Who gets it.")
    sender: str = option("", text(r"\S+@\S+", "an e-mail address"), description="Who it comes from.")
    smarthost: str = option("", text(_HOST_PORT, "host:port of the SMTP server"), description="The SMTP server.")
    username: str = option("", text(r"\S*", "a name, empty for none"), description="To log in to it.")
    password_file: str = option("", _FILE, description="File with the password for it.")
    require_tls: bool = option(True, BOOLEAN, description="Refuse a server without STARTTLS.")
    severities: tuple[Severity, ...] = option(_NOT_INFO, _SEVERITIES, description="For which alerts.")

    def _contradictions(self) -> Iterable[Problem]:
        if bool(self.username) != bool(self.password_file):
            yield Problem("password_file", self.password_file, "given together with username")


@dataclass(frozen=True, kw_only=True)
class Slack(Section):
    """A message to a Slack channel."""

    api_url_file: str = option("", text(_PATH, _ANY_FILE), description="File with the webhook's URL.")
    channel: str = option("", text(r"\S+", "a channel such as #scraper"), description="The channel.")
    severities: tuple[Severity, ...] = option(_ALL, _SEVERITIES, description="For which alerts.")


@dataclass(frozen=True, kw_only=True)
class Webhook(Section):
    """An HTTP POST of Alertmanager's JSON to a URL."""

    url: str = option(
        "",
        text(r"|https?://[^\s@?]+", "an http(s) URL without credentials or query (one that has them: url_file)"),
        description="Where to.",
    )
    url_file: str = option("", _FILE, description="File with a URL that is secret.")
    severities: tuple[Severity, ...] = option(_ALL, _SEVERITIES, description="For which alerts.")

    def _contradictions(self) -> Iterable[Problem]:
        if bool(self.url) == bool(self.url_file):
            yield Problem("url", self.url, "one of url and url_file")


@dataclass(frozen=True, kw_only=True)
class Notifications(Section):
    """Receivers, each told of the severities that it asks for."""

    email: tuple[Email, ...] = option((), sections(Email), description="E-mails.")
    slack: tuple[Slack, ...] = option((), sections(Slack), description="Slack channels.")
    webhook: tuple[Webhook, ...] = option((), sections(Webhook), description="Webhooks.")


@dataclass(frozen=True, kw_only=True)
class Route(Notifications):
    """A route of one's own, before those by severity: what matches goes here, to nobody if it names nobody."""

    name: str = option("", text(r"[\w-]+", "a word"), description="What the receiver is called.")
    matchers: tuple[str, ...] = option((), MATCHERS, description="All must match.")
    go_on: bool = option(False, BOOLEAN, description="Let the routes after it see the alert too.")

    def _contradictions(self) -> Iterable[Problem]:
        if not self.matchers:
            yield Problem("matchers", self.matchers, MATCHERS.allowed)
        if self.name in {"nobody", *SEVERITIES}:
            yield Problem("name", self.name, f"a word other than nobody, {', '.join(SEVERITIES)}")


@dataclass(frozen=True, kw_only=True)
class Grouping(Section):
    """How alerts are put together and repeated; Alertmanager's own words."""

    group_by: tuple[str, ...] = option(
        ("alertname", "job"), several_of(text(LABEL_NAME, "a label's name")), description="One message for each."
    )
    group_wait: float = option("30s", duration(0), description="Wait for others before the first message.")
    group_interval: float = option("5m", duration(0.001), description="Between two messages about a changing group.")
    repeat_critical: float = option("1h", duration(0.001), description="Between two messages about the same alerts.")
    repeat_warning: float = option("4h", duration(0.001), description="The same for warnings.")
    repeat_info: float = option("24h", duration(0.001), description="The same for what is only informative.")
    resolve_timeout: float = option("5m", duration(0.001), description="When an alert nobody renews has ended.")

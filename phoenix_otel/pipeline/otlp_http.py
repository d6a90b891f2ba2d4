"""The HTTP session of the push: reads what a receiver answers, and believes none that does not speak OTLP."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import requests

_LONGEST_ANSWER: Final = 65_536
_BUSY: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_LONGEST_HOLD: Final = 300.0
"""Seconds; a receiver that asks to be left alone for longer is asked again nevertheless."""


class Hold:
    """For how long a receiver wants to be left alone."""

    def __init__(self) -> None:
        self._until = 0.0

    def ask(self, seconds: float) -> None:
        """Take note that the receiver wants that."""
        self._until = time.monotonic() + min(seconds, _LONGEST_HOLD)

    @property
    def remaining(self) -> float:
        """The seconds that are left of it."""
        return max(0.0, self._until - time.monotonic())


class NoReceiverError(Exception):
    """What answers does not take metrics: a login page, a proxy, some other server."""


def session(hold: Hold) -> requests.Session:
    """Return a session that raises NoReceiverError for such answers, and tells `hold` of Retry-After."""
    import requests

    def check(response: requests.Response, *_: Any, **__: Any) -> None:
        answer = response.raw.read(_LONGEST_ANSWER + 1, decode_content=True)
        if len(answer) > _LONGEST_ANSWER:
            response.close()
            raise NoReceiverError("it answers without an end")
        if response.status_code in _BUSY:
            hold.ask(_seconds(response.headers.get("Retry-After", "")))
        elif response.status_code < HTTPStatus.BAD_REQUEST and not _is_otlp(response.status_code, answer):
            raise NoReceiverError("it answers something else")

    made = requests.Session()
    made.hooks["response"].append(check)
    return made


def _is_otlp(status: int, answer: bytes) -> bool:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

    try:
        ExportMetricsServiceResponse.FromString(answer)
    except DecodeError:
        return False
    return status < HTTPStatus.MULTIPLE_CHOICES


def _seconds(retry_after: str) -> float:
    """Return the seconds that the header asks for, given as a number or a date; 0 for anything else."""
    try:
        return float(retry_after)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(retry_after).timestamp() - time.time()
    except (TypeError, ValueError):
        return 0.0

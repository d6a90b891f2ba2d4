"""Classes of the scraper's own that are named in configuration, and which of their methods plays which part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from phoenix_otel.options import Parser

_PATH: Final = re.compile(r"(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)")

SCRAPER_PARTS: Final = (
    "request",
    "search_properties_by_zipcode",
    "scrape_property_details",
    "scrape_properties_batch",
    "maintain_session",
    "handle_rate_limit",
)
PROXY_MANAGER_PARTS: Final = (
    "get_next_proxy",
    "mark_success",
    "mark_failed",
    "check_health",
    "check_all_health",
    "check_recovery",
)
RATE_LIMITER_PARTS: Final = ("wait_if_needed",)


@dataclass(frozen=True, slots=True)
class MethodMapping:
    """A method under another name: the part it plays, and for requests what is to be read from it.

    `endpoint` is the label (default: the part's, or the method's name); `zipcode` names the argument that holds the
    zipcode; `size` names the key of the result whose content is measured, "" being the result itself.
    """

    part: str
    endpoint: str | None = None
    zipcode: str | None = None
    size: str | None = None


@dataclass(frozen=True)
class ClassTarget:
    """A class by module and qualified name, and those of its methods that have other names."""

    module: str
    name: str
    methods: Mapping[str, MethodMapping] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


def class_target(parts: tuple[str, ...]) -> Parser:
    """Accept `package.module:Class`, or a table with `class` and `methods`; `parts` are those a method may play."""

    def parse(value: Any) -> ClassTarget:
        if isinstance(value, ClassTarget):
            return value
        table: dict[str, Any] = {"class": value} if isinstance(value, str) else dict(value)
        if table.keys() - {"class", "methods"}:
            raise ValueError(value)
        found = _PATH.fullmatch(table["class"].strip())
        if found is None:
            raise ValueError(value)
        methods = {name: _method(given, parts) for name, given in table.get("methods", {}).items()}
        return ClassTarget(found["module"], found["name"], MappingProxyType(methods))

    return Parser(
        parse,
        "package.module:Class, or in a file a table with `class` and `methods`, each naming the `part` it plays: "
        + ", ".join(parts),
    )


def _method(given: Any, parts: tuple[str, ...]) -> MethodMapping:
    table: dict[str, Any] = {"part": given} if isinstance(given, str) else dict(given)
    mapping = MethodMapping(**{"part": parts[0], **table})
    details = (mapping.endpoint, mapping.zipcode, mapping.size)
    if mapping.part not in parts or not all(detail is None or isinstance(detail, str) for detail in details):
        raise ValueError(given)
    return mapping


SCRAPER: Final = class_target(SCRAPER_PARTS)
PROXY_MANAGER: Final = class_target(PROXY_MANAGER_PARTS)
RATE_LIMITER: Final = class_target(RATE_LIMITER_PARTS)

"""What one client of the endpoint may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may take: seconds, bytes, and connections for all together.

    `patience` is for how long a client may keep us waiting while others want its place.
    """

    connections: int = 128
    patience: float = 1.0
    handshake: float = 5.0
    request: float = 30.0
    answer: float = 10.0
    lingering: float = 1.0
    line: int = 4096
    field: int = 8190
    fields: int = 64

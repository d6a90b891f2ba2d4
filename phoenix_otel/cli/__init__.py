"""The phoenix-otel command: one file for each of its commands."""

from __future__ import annotations

from phoenix_otel.cli.main import main

__all__ = ["main"]

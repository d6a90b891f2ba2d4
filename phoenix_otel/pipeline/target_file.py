"""A file that tells Prometheus where this process is, as its file_sd_configs read it."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil

_DEFAULT_PATH: Final = "/metrics"


class TargetFile:
    """One file HOST_PORT_PID.json in a directory; written when the endpoint opens, removed when it closes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path: Path | None = None

    def write(self, url: str, metrics_path: str) -> None:
        """Write the endpoint's address; files of processes of this host that are gone are removed. Raises OSError."""
        address = urlsplit(url)
        labels = {"__scheme__": address.scheme} if address.scheme != "http" else {}
        labels |= {"__metrics_path__": metrics_path} if metrics_path != _DEFAULT_PATH else {}
        self._directory.mkdir(parents=True, exist_ok=True)
        self._remove_orphans()
        path = self._directory / f"{socket.gethostname()}_{address.port}_{os.getpid()}.json"
        unfinished = path.with_suffix(".part")  # Prometheus reads what ends in .json, and never a half of it
        unfinished.write_text(json.dumps([{"targets": [address.netloc], "labels": labels}]) + "\n", "utf-8")
        unfinished.rename(path)
        self._path = path

    def remove(self) -> None:
        """Remove the file, if it was written."""
        path, self._path = self._path, None
        if path is not None:
            path.unlink(missing_ok=True)

    def _remove_orphans(self) -> None:
        for path in self._directory.glob(f"{socket.gethostname()}_*.json"):
            pid = path.stem.rpartition("_")[2]
            if pid.isdecimal() and not psutil.pid_exists(int(pid)):
                path.unlink(missing_ok=True)

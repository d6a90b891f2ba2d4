"""The program ends when it wants to, whatever state telemetry is in."""

from __future__ import annotations

import subprocess
import sys

BLOCKED = """
import threading, urllib.request
import phoenix_otel

telemetry = phoenix_otel.configure_telemetry(port=0, shutdown_timeout=0.5)
entered = threading.Event()

def blocking(_):
    entered.set()
    threading.Event().wait()

telemetry.meter.create_observable_gauge("stuck", [blocking])
threading.Thread(target=urllib.request.urlopen, args=(telemetry.url + "/metrics",), daemon=True).start()
entered.wait()
print("done", flush=True)
raise SystemExit(7)
"""


def test_a_callback_that_never_returns_does_not_keep_the_program_alive() -> None:
    ended = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, timeout=30, check=False)

    assert (ended.returncode, ended.stdout) == (7, "done\n")

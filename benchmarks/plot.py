"""The plot of docs/performance.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COLOURS = {"phoenix_otel": "#d1495b", "prometheus_client": "#edae49", "OpenTelemetry SDK": "#00798c"}


def draw(numbers: dict[str, Any], path: Path) -> None:
    """Draw record cost, scrape time by number of series, and memory, on logarithmic scales."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (records, scrapes, memory) = pyplot.subplots(1, 3, figsize=(13, 4), layout="constrained")
    kinds = {"counter": "counter, 1 thread", "histogram": "histogram, 1 thread"}
    for place, (name, colour) in enumerate(COLOURS.items()):
        offsets = [place * 0.27 + column for column in range(2)]
        records.bar(offsets, [numbers["record"][key][name] / 1e3 for key in kinds.values()], 0.25, color=colour)
        memory.bar(offsets, [numbers["memory"][kind][name] for kind in kinds], 0.25, color=colour)
        sizes = {int(key.split()[1]): each[name] for key, each in numbers["scrape"].items() if key.startswith("c")}
        scrapes.plot(list(sizes), [each["ms"] for each in sizes.values()], marker="o", color=colour, label=name)
    for axes, title in ((records, "one record, \N{MICRO SIGN}s"), (memory, "memory of one series, bytes")):
        axes.set_xticks([0.27, 1.27], list(kinds))
        axes.set_title(title)
    scrapes.set(xscale="log", yscale="log", xlabel="series", title="one scrape, ms")
    scrapes.legend()
    for axes in (records, scrapes, memory):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)

"""A meter whose synchronous instruments stand over cells; names, duplicates and observables are the SDK's affair."""

from __future__ import annotations

from collections.abc import Sequence
from threading import RLock
from typing import Any

from opentelemetry.metrics import CallbackT, ObservableCounter, ObservableGauge, ObservableUpDownCounter, UpDownCounter
from opentelemetry.metrics import Counter as APICounter
from opentelemetry.metrics import Histogram as APIHistogram
from opentelemetry.metrics import _Gauge as APIGauge
from opentelemetry.sdk import metrics as sdk

from phoenix_otel.sdk import instruments
from phoenix_otel.sdk.collection import Core
from phoenix_otel.sdk.instruments import CellInstrument


class CellMeter(sdk.Meter):
    """Makes each instrument by the SDK's meter of the same scope, and puts cells under it unless a View wants it."""

    def __init__(self, meter: Any, core: Core) -> None:
        super().__init__(meter._instrumentation_scope, meter._measurement_consumer)
        self._sdks = meter
        self._core = core
        self._over_cells: dict[Any, CellInstrument] = {}
        self._lock = RLock()

    def create_counter(self, name: str, unit: str = "", description: str = "") -> APICounter:
        """Create a counter. Raises as the SDK does for a name or unit that is not allowed."""
        created: APICounter = self._over(self._sdks.create_counter(name, unit, description), instruments.Counter)
        return created

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> UpDownCounter:
        """Create an up-down counter. Raises as the SDK does for a name or unit that is not allowed."""
        created: UpDownCounter = self._over(
            self._sdks.create_up_down_counter(name, unit, description), instruments.UpDownCounter
        )
        return created

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> APIGauge:
        """Create a gauge. Raises as the SDK does for a name or unit that is not allowed."""
        created: APIGauge = self._over(self._sdks.create_gauge(name, unit, description), instruments.Gauge)
        return created

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> APIHistogram:
        """Create a histogram. Raises as the SDK does for a name or unit that is not allowed."""
        inner = self._sdks.create_histogram(
            name, unit, description, explicit_bucket_boundaries_advisory=explicit_bucket_boundaries_advisory
        )
        created: APIHistogram = self._over(inner, instruments.Histogram)
        return created

    def create_observable_counter(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> ObservableCounter:
        """Create an observable counter: the SDK's."""
        created: ObservableCounter = self._sdks.create_observable_counter(name, callbacks, unit, description)
        return created

    def create_observable_up_down_counter(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> ObservableUpDownCounter:
        """Create an observable up-down counter: the SDK's."""
        created: ObservableUpDownCounter = self._sdks.create_observable_up_down_counter(
            name, callbacks, unit, description
        )
        return created

    def create_observable_gauge(
        self, name: str, callbacks: Sequence[CallbackT] | None = None, unit: str = "", description: str = ""
    ) -> ObservableGauge:
        """Create an observable gauge: the SDK's."""
        created: ObservableGauge = self._sdks.create_observable_gauge(name, callbacks, unit, description)
        return created

    def _over(self, inner: Any, kind: type[CellInstrument]) -> Any:
        if any(view._match(inner) for view in self._core.views):
            return inner
        with self._lock:
            if inner not in self._over_cells:
                self._over_cells[inner] = kind(inner, self._core)
            return self._over_cells[inner]

"""Builds what Grafana reads from the dashboards' data; the only module that needs grafana-foundation-sdk."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models import prometheus as prometheus_models

from phoenix_otel.catalog import system
from phoenix_otel.generate.alert import SEVERITIES
from phoenix_otel.generate.alert_config import AlertConfig
from phoenix_otel.generate.dashboards.limits import COLOURS, steps
from phoenix_otel.generate.dashboards.panel import PER_SECOND, Dashboard, Look, Panel, Row, Target, uid_of
from phoenix_otel.generate.dashboards.panel_query import FIRING

TAG: Final = "phoenix_otel"
"""On all our dashboards; the menu that leads from one to the others is made from it."""

_DATASOURCE: Final = common_models.DataSourceRef(type_val="prometheus", uid="${datasource}")
_AS_CHOSEN_HERE: Final = "${__url_time_range}&${__all_variables}"
# always there: every scraper samples its host
_EVER_PRESENT: Final = system.CPU_USAGE.prometheus_name
# a stat of the newest value says nothing of a scraper that is gone; one over the page's range would show its last words
_OF_NOW: Final[frozenset[Look]] = frozenset(("stat", "table", "bargauge"))
_FORMATS: Final[Mapping[str, prometheus_models.PromQueryFormat]] = {
    "table": prometheus_models.PromQueryFormat.TABLE,
    "heatmap": prometheus_models.PromQueryFormat.HEATMAP,
}


def as_json(data: Dashboard, config: AlertConfig) -> str:
    """Return a dashboard as the text of its file."""
    built = (
        dashboard.Dashboard(data.title)
        .uid(data.uid)
        .description(data.answers)
        .tags([TAG])
        .timezone("browser")
        .time("now-3h", "now")
        .refresh("30s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .editable()
        .link(_menu())
        .variables(_variables(config))
        .annotations(_alerts() if data.shows_alerts else [])
    )
    numbers = count(1)
    for row in data.rows(config):
        _add(built, row, config, numbers)
    return json.dumps(built.build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def _add(built: dashboard.Dashboard, row: Row, config: AlertConfig, numbers: count[int]) -> None:
    heading = dashboard.Row(row.title).id(next(numbers))
    panels = [_panel(panel, config).id(next(numbers)) for panel in row.panels]
    if row.closed:
        for panel in panels:
            heading.with_panel(panel)
    built.with_row(heading)
    if not row.closed:
        for panel in panels:
            built.with_panel(panel)


def _menu() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Phoenix scraper")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )


def _variables(config: AlertConfig) -> list[Any]:
    def chosen_from(name: str, label: str, values: str) -> dashboard.QueryVariable:
        return (
            dashboard.QueryVariable(name)
            .label(label)
            .datasource(_DATASOURCE)
            .query(values)
            .definition(values)
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(models.VariableSort.NATURAL_ASC)
            .multi(True)
            .include_all(True)
        )

    jobs = f"label_values({_EVER_PRESENT}, job)"
    instances = f'label_values({_EVER_PRESENT}{{job=~"$job"}}, instance)'
    return [
        dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        chosen_from("job", "Job", jobs).current(models.VariableOption(True, [config.job], [config.job])),
        chosen_from("instance", "Scraper", instances)
        .all_value(".*")
        .current(models.VariableOption(True, ["All"], ["$__all"])),
    ]


def _alerts() -> list[Any]:
    return [
        dashboard.AnnotationQuery()
        .name(f"Alerts: {severity}")
        .datasource(_DATASOURCE)
        .enable(True)
        .icon_color(COLOURS[severity])
        .expr(FIRING.replace("}", f',severity="{severity}"}}'))
        .step("30s")
        .title_format("{{alertname}}")
        .text_format("{{instance}}")
        .tag_keys("severity")
        for severity in SEVERITIES
    ]


def _panel(panel: Panel, config: AlertConfig) -> Any:
    # the builders of all panels have these methods, but no common type
    built: Any = _LOOKS[panel.look](panel)
    built.title(panel.title).description(panel.description).datasource(_DATASOURCE)
    built.unit(panel.unit).min(0).span(panel.width).height(panel.height)
    built.thresholds(dashboard.ThresholdsConfig().steps(_thresholds(panel, config)))
    built.targets([_target(panel, target, _letter(n)) for n, target in enumerate(panel.targets)])
    if panel.maximum is not None:
        built.max(panel.maximum)
    if panel.values:
        shown = {value: models.ValueMappingResult(*text_and_colour) for value, text_and_colour in panel.values.items()}
        built.mappings([models.ValueMap(shown)])
    for legend, colour in panel.colours.items():
        fixed = {"mode": models.FieldColorModeId.FIXED, "fixedColor": colour}
        built.override_by_name(legend, [models.DynamicConfigValue("color", fixed)])
    if panel.leads_to:
        url = f"/d/{uid_of(panel.leads_to)}?{_AS_CHOSEN_HERE}"
        built.links([dashboard.DashboardLink("More about this").type(models.DashboardLinkType.LINK).url(url)])
    return built


def _letter(number: int) -> str:
    return chr(ord("A") + number)


def _thresholds(panel: Panel, config: AlertConfig) -> list[models.Threshold]:
    return [models.Threshold(value, colour) for value, colour in steps(panel.limits, config)]


def _target(panel: Panel, target: Target, name: str) -> prometheus.Dataquery:
    query = prometheus.Dataquery().ref_id(name).datasource(_DATASOURCE).expr(target.expr)
    query.format(_FORMATS.get(panel.look, prometheus_models.PromQueryFormat.TIME_SERIES))
    query.legend_format("__auto" if panel.look == "table" else target.legend)
    query.editor_mode(prometheus_models.QueryEditorMode.CODE)
    return query.instant() if panel.look in _OF_NOW else query.range()


def _timeseries(panel: Panel) -> timeseries.Panel:
    built = (
        timeseries.Panel()
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_models.TooltipDisplayMode.MULTI)
            .sort(common_models.SortOrder.DESCENDING)
        )
        .line_width(1)
        .fill_opacity(30 if panel.stacked else 10)
        .show_points(common_models.VisibilityMode.AUTO)
    )
    if panel.stacked:
        built.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    if panel.limits:
        built.thresholds_style(common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.DASHED))
    return built


def _newest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])


def _stat(panel: Panel) -> stat.Panel:
    return (
        stat.Panel()
        .reduce_options(_newest())
        .color_mode(common_models.BigValueColorMode.VALUE)
        .graph_mode(common_models.BigValueGraphMode.NONE)
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    )


def _bargauge(_: Panel) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .reduce_options(_newest())
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
        .orientation(common_models.VizOrientation.HORIZONTAL)
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.CONTINUOUS_BLUES))
    )


def _heatmap(panel: Panel) -> heatmap.Panel:
    return (
        heatmap.Panel()
        .y_axis(heatmap.YAxisConfig().unit(panel.unit))
        .cell_values(heatmap.CellValues().unit(PER_SECOND))
        .color(heatmap.HeatmapColorOptions().mode(heatmap_models.HeatmapColorMode.SCHEME).scheme("Oranges"))
        .tooltip(heatmap.HeatmapTooltip().mode(common_models.TooltipDisplayMode.SINGLE))
    )


def _state_timeline(_: Panel) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .show_value(common_models.VisibilityMode.NEVER)
        .merge_values(True)
        .fill_opacity(80)
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    )


def _table(panel: Panel) -> table.Panel:
    """Join the queries by their labels; a label's heading is its name, a value's the legend of its query."""
    built = table.Panel()
    # what Grafana calls the values of a query: by its letter only where there are several
    names = ["Value"] if len(panel.targets) == 1 else [f"Value #{_letter(n)}" for n in range(len(panel.targets))]
    values = dict(zip(names, (target.legend for target in panel.targets), strict=True))
    headings = {label: label.replace("_", " ").capitalize() for label in panel.labels}
    shown = headings | {value: heading for value, heading in values.items() if heading}
    built.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    options = {
        "excludeByName": {"Time": True} | {value: True for value, heading in values.items() if not heading},
        "indexByName": {name: position for position, name in enumerate(shown)},
        "renameByName": shown,
    }
    built.with_transformation(models.DataTransformerConfig(id_val="organize", options=options))
    for target in panel.targets:
        if target.unit:
            built.override_by_name(target.legend, [models.DynamicConfigValue("unit", target.unit)])
    return built


_LOOKS: Final[Mapping[Look, Callable[[Panel], Any]]] = {
    "timeseries": _timeseries,
    "stat": _stat,
    "table": _table,
    "bargauge": _bargauge,
    "heatmap": _heatmap,
    "state-timeline": _state_timeline,
}

"""The kinds of panel that the dashboards use, made with Grafana's own builders, which know its schema."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import dashboard as schema
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    DataSourceRef,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
WHOLE_WIDTH = 24
Graph: TypeAlias = timeseries.Panel
GREEN, ORANGE, RED = "green", "orange", "red"


def number(
    title: str,
    description: str,
    queries: Mapping[str, str],
    *,
    unit: str,
    steps: Sequence[tuple[float, str]] = (),
    words: Mapping[str, str] | None = None,
    none: str = "no data",
    decimals: int = 0,
    width: int = 4,
) -> stat.Panel:
    """Return a panel of large numbers as they are now.

    Args:
        title: the question that it answers.
        description: what is counted, and what to do.
        queries: name of each number to its PromQL; an empty name where there is one.
        unit: of Grafana's list.
        steps: from which value on it has which colour; below the first, and without a value, it is red.
        words: shown in place of a value.
        none: shown when there is no value.
        decimals: of the number.
        width: in 24ths.
    """
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .decimals(decimals)
        .no_value(none)
        .thresholds(_thresholds(RED if steps else "text", steps))
        .color_mode(BigValueColorMode.BACKGROUND if steps else BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.VALUE_AND_NAME if len(queries) > 1 else BigValueTextMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .height(4)
        .span(width)
    )
    if words:
        panel.mappings([_words(words)])
    for index, (name, expression) in enumerate(queries.items()):
        panel.with_target(_query(expression, name, index).instant())
    return panel


def graph(
    title: str,
    description: str,
    queries: Mapping[str, str],
    *,
    unit: str,
    stacked: bool = False,
    limit: float | None = None,
    width: int = 8,
    height: int = 8,
) -> Graph:
    """Return a panel of lines over time.

    Args:
        title: what it shows.
        description: how to read it.
        queries: legend, with `{{label}}`, to PromQL.
        unit: of Grafana's list.
        stacked: the lines are parts of a whole.
        limit: a dashed red line; what is above it is wrong.
        width: in 24ths.
        height: in rows.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .line_width(1)
        .fill_opacity(30 if stacked else 0)
        .show_points(VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .height(height)
        .span(width)
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if limit is not None:
        panel.thresholds(_thresholds("transparent", [(limit, RED)]))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    for index, (legend, expression) in enumerate(queries.items()):
        panel.with_target(_query(expression, legend, index).range())
    return panel


def states(
    title: str,
    description: str,
    expression: str,
    legend: str,
    *,
    good: tuple[str, str],
    bad: tuple[str, str],
    width: int = 12,
) -> statetimeline.Panel:
    """Return a panel of bars over time, one for each series, green or red.

    Args:
        title: what it shows.
        description: how to read it.
        expression: PromQL of 0 and 1.
        legend: with `{{label}}`.
        good: value, and the word for it.
        bad: value, and the word for it.
        width: in 24ths.
    """
    results = {
        good[0]: schema.ValueMappingResult(text=good[1], color=GREEN, index=0),
        bad[0]: schema.ValueMappingResult(text=bad[1], color=RED, index=1),
    }
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .mappings([schema.ValueMap(results)])
        .merge_values(True)
        .row_height(0.8)
        .show_value(VisibilityMode.AUTO)
        .legend(
            common.VizLegendOptions()
            .show_legend(False)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
        .height(6)
        .span(width)
        .with_target(_query(expression, legend, 0).range())
    )


def rows(
    title: str, description: str, expression: str, columns: Sequence[str], *, none: str, width: int
) -> table.Panel:
    """Return a table of series as they are now.

    Args:
        title: what it lists.
        description: what to do with it.
        expression: PromQL; a row for each series.
        columns: the labels shown, in this order.
        none: shown when there is none.
        width: in 24ths.
    """
    order = {"include": {"names": list(columns)}}
    places = {"indexByName": {name: index for index, name in enumerate(columns)}}
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .no_value(none)
        .with_transformation(schema.DataTransformerConfig(id_val="filterFieldsByName", options=order))
        .with_transformation(schema.DataTransformerConfig(id_val="organize", options=places))
        .height(6)
        .span(width)
        .with_target(_query(expression, "", 0).instant().format(PromQueryFormat.TABLE))
    )


def _query(expression: str, legend: str, index: int) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(expression).ref_id("ABCDEFGH"[index]).datasource(SOURCE)
    return query.legend_format(legend) if legend else query


def _thresholds(base: str, steps: Sequence[tuple[float, str]]) -> dashboard.ThresholdsConfig:
    return (
        dashboard.ThresholdsConfig()
        .mode(schema.ThresholdsMode.ABSOLUTE)
        .steps([schema.Threshold(None, base), *(schema.Threshold(value, colour) for value, colour in steps)])
    )


def _words(words: Mapping[str, str]) -> schema.ValueMap:
    return schema.ValueMap(
        {value: schema.ValueMappingResult(text=text, index=index) for index, (value, text) in enumerate(words.items())}
    )

"""Begins a dashboard with what all of them have in common."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as schema

TAG = "live-video"


def begin(uid: str, title: str) -> dashboard.Dashboard:
    """Return an empty dashboard that links to the others."""
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .tags([TAG])
        .refresh("5s")
        .time("now-15m", "now")
        .timezone("browser")
        .tooltip(schema.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .annotations([])
        .link(
            dashboard.DashboardLink("Live video")
            .type(schema.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(False)
            .include_vars(True)
            .keep_time(True)
        )
    )

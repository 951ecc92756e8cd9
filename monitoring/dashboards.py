"""The dashboards, and the files that Grafana reads: `make dashboards` writes them.

In the first form of the schema, which every Grafana reads from files; the builders' newer form is for its API.
"""

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from monitoring.live_video import live_video
from monitoring.services import services

FOLDER = Path(__file__).parent / "grafana" / "dashboards"


def as_files() -> dict[str, str]:
    """Return the text of each file by its name, which is the dashboard's uid."""
    found = {}
    for built in (live_video(), services()):
        for number, panel in enumerate(built.panels or [], start=1):
            panel.id_val = number
        for link in built.links or []:
            # None puts the link beside the variables, where it is visible; the builder only supports the menu.
            link.placement = None  # type: ignore[assignment]
        found[f"{built.uid}.json"] = JSONEncoder(indent=1, sort_keys=True).encode(built) + "\n"
    return found

"""The dashboards as Grafana reads them: written by their source, whole by its schema, and leading to our Prometheus."""

import configparser
import json
from typing import Any

import pytest
from grafana_foundation_sdk.models.dashboard import Dashboard

from monitoring import dashboards
from monitoring.panels import WHOLE_WIDTH
from tests.monitoring import files

DASHBOARDS = files.dashboards()
GRAFANA = files.HERE / "grafana"
PANELS = [(name, panel) for name, dashboard in DASHBOARDS.items() for panel in files.panels(dashboard)]
named = pytest.mark.parametrize(
    ("name", "panel"), PANELS, ids=lambda one: one if isinstance(one, str) else one["title"]
)


def test_files_are_what_their_source_writes() -> None:
    """`make dashboards` would change nothing."""
    assert {path.name: path.read_text() for path in dashboards.FOLDER.iterdir()} == dashboards.as_files()


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_schema_knows_every_field(name: str) -> None:
    """Read by Grafana's own types and written again, nothing is gone: no field is misspelt or out of place."""
    known = Dashboard.from_json(DASHBOARDS[name])
    for link in known.links or []:
        link.placement = None  # type: ignore[assignment]  # as the source has it

    assert json.loads(json.dumps(known, default=lambda one: one.to_json())) == DASHBOARDS[name]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_links_to_a_dashboard_stay(name: str) -> None:
    """The uid is the file's name and never changes; panels have numbers; no database id is included."""
    dashboard = DASHBOARDS[name]
    numbers = [panel["id"] for panel in dashboard["panels"]]

    assert f"{dashboard['uid']}.json" == name
    assert numbers == list(range(1, len(numbers) + 1))
    assert "id" not in dashboard
    assert dashboard["editable"] is False


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_fill_the_grid(name: str) -> None:
    """No panel overlaps another, and every row is full."""
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARDS[name]["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells, panel["title"]
        assert place["x"] + place["w"] <= WHOLE_WIDTH
        cells |= own

    assert len(cells) == WHOLE_WIDTH * (max(y for _, y in cells) + 1)


def test_the_first_row_answers_the_four_questions() -> None:
    """Without scrolling, at three in the morning."""
    first = [panel["title"] for panel in DASHBOARDS["live-video.json"]["panels"] if panel["gridPos"]["y"] == 0]

    assert first == ["Is it live?", "How late?", "What is lost?", "Unexplained", "What is down?"]


@named
def test_a_panel_says_what_it_shows(name: str, panel: dict[str, Any]) -> None:
    """In words, with a unit where it has numbers, from the Prometheus that is provisioned."""
    (source,) = files.read_yaml(GRAFANA / "datasources" / "prometheus.yml")["datasources"]
    ours = {"type": source["type"], "uid": source["uid"]}

    assert panel["description"].endswith(".")
    assert panel["datasource"] == ours
    assert all(target["datasource"] == ours for target in panel["targets"])
    if panel["type"] in {"stat", "timeseries"}:
        assert panel["fieldConfig"]["defaults"]["unit"]


@named
def test_a_panel_asks_as_it_shows(name: str, panel: dict[str, Any]) -> None:
    """Each query with a letter of its own, over time or as it is now."""
    letters = [target["refId"] for target in panel["targets"]]

    assert len(set(letters)) == len(letters)
    for target in panel["targets"]:
        assert target["instant"] != target["range"]
        assert target["instant"] == (panel["type"] in {"stat", "table"})


def test_grafana_finds_its_files() -> None:
    """The folder that is provisioned has the dashboard that is shown first; rates know how often is scraped."""
    (provider,) = files.read_yaml(GRAFANA / "providers" / "files.yml")["providers"]
    (source,) = files.read_yaml(GRAFANA / "datasources" / "prometheus.yml")["datasources"]
    settings = configparser.ConfigParser()
    settings.read(GRAFANA / "grafana.ini")
    folder, _, first = settings["dashboards"]["default_home_dashboard_path"].rpartition("/")

    assert provider["options"]["path"] == folder
    assert first in DASHBOARDS
    assert source["jsonData"]["timeInterval"] == files.read_yaml(files.SCRAPES)["global"]["scrape_interval"]
    assert settings["auth.anonymous"]["org_role"] == "Viewer"

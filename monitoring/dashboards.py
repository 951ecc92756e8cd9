"""The dashboards, and the files that Grafana reads: `make dashboards` writes them.

In the first form of the schema, which every Grafana reads from files; the builders' newer form is for its API.
"""

from pathlib import Path

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as schema

from monitoring import panels, queries
from monitoring.panels import GREEN, ORANGE, RED, WHOLE_WIDTH
from monitoring.queries import CAMERA, READERS, SERVICES, STAGES, WINDOW

FOLDER = Path(__file__).parent / "grafana" / "dashboards"
TAG = "live-video"


def as_files() -> dict[str, str]:
    """Return the text of each file by its name, which is the dashboard's uid."""
    found = {}
    for built in (live_video(), services()):
        for number, panel in enumerate(built.panels or [], start=1):
            panel.id_val = number
        for link in built.links or []:
            # None puts it beside the variables, where it is seen; the builder knows only the menu.
            link.placement = None  # type: ignore[assignment]
        found[f"{built.uid}.json"] = JSONEncoder(indent=1, sort_keys=True).encode(built) + "\n"
    return found


def live_video() -> schema.Dashboard:
    """Return what one looks at first: is it live, how late, what is lost, what is down; then where and why."""
    board = _board("live-video", "Live video").with_variable(
        dashboard.QueryVariable("camera")
        .label("Camera")
        .datasource(panels.SOURCE)
        .query('label_values({__name__=~"(producer|consumer|video)_frames_in_total"}, camera)')
        .refresh(schema.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(schema.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(schema.VariableOption(text="All", value="$__all"))
    )
    _answers(board)
    board.with_row(dashboard.Row("Frames a second, as they leave each stage"))
    for stage in STAGES:
        board.with_panel(
            panels.graph(
                stage.capitalize(),
                "All three should show the same: the camera's rate, or FRAMEINTERVAL where that is less.",
                {"{{camera}}": queries.frames(stage, "out", "camera")},
                unit="suffix:fps",
            )
        )
    board.with_row(dashboard.Row("Age: now − when the camera's picture had been read"))
    for name, quantile in (("Median", 0.5), ("p99", 0.99)):
        board.with_panel(
            panels.graph(
                f"{name} by stage",
                "Each stage includes those before it: the step from one line to the next is what the stage takes.",
                {stage: queries.age(stage, quantile) for stage in STAGES},
                unit="s",
            )
        )
    board.with_panel(
        panels.graph(
            "p99 by camera, as shown",
            "One camera alone: its network. All of them: broker, consumer or this machine. Above the line: alert Late.",
            {"{{camera}}": queries.age("video", 0.99, "camera")},
            unit="s",
            limit=1,
        )
    )
    board.with_row(dashboard.Row("Books: in = out + Σ dropped, at every stage"))
    for stage in STAGES:
        board.with_panel(_books(stage))
    board.with_panel(
        panels.graph(
            "Unexplained within a stage",
            "in − out − Σ dropped. Always 0; anything else is a mistake in our code.",
            {stage: queries.unexplained(stage) for stage in STAGES},
            unit="suffix:frames",
            limit=1,
        )
    )
    board.with_panel(
        panels.graph(
            "Unaccounted for between two stages",
            "What one sent less what the next got or called lost. Around 0; a start or a restart moves it for minutes.",
            {f"{a} → {b}": queries.between(a, b) for a, b in zip(STAGES, READERS, strict=False)},
            unit="suffix:fps",
        ).min(-1)
    )
    board.with_panel(
        panels.graph(
            "Lag: unread records",
            "A few at most. Readers go to the end when they are more than MAXLAG behind, and count what they left out.",
            {f"{stage} {{{{instance}}}}": f"sum by (instance) ({stage}_broker_lag_frames)" for stage in READERS},
            unit="suffix:frames",
        )
    )
    return board.build()


def services() -> schema.Dashboard:
    """Return what stands behind the pictures: models, viewers, broker, and what the processes take."""
    board = _board("live-video-services", "Live video: models, viewers, services")
    board.with_row(dashboard.Row("Models"))
    board.with_panel(
        panels.graph(
            "Time to answer",
            "From request to answer, of requests that were answered. MODELTIMEOUT ends the others.",
            {"{{model}} median": queries.prediction(0.5), "{{model}} p99": queries.prediction(0.99)},
            unit="s",
        )
    )
    board.with_panel(
        panels.graph(
            "Requests by outcome",
            "ok; timeout: slower than MODELTIMEOUT; unreachable: no connection; refused: an HTTP error; nonsense: an "
            "answer that is none; labels: the labels cannot be read.",
            {"{{model}} {{outcome}}": f"sum by (model, outcome) (rate(consumer_predictions_total[{WINDOW}]))"},
            unit="reqps",
            stacked=True,
        )
    )
    board.with_panel(
        panels.graph(
            "Seconds since the broker's last answer",
            "Below 2 all is well: each service writes its state once a second. Above the line: alert BrokerSilent.",
            {f"{stage} {{{{instance}}}}": f"max by (instance) ({stage}_broker_silent_seconds)" for stage in STAGES},
            unit="s",
            limit=10,
        )
    )
    board.with_row(dashboard.Row("Viewers"))
    board.with_panel(
        panels.graph(
            "Viewers",
            "Of each camera, over all replicas. A page that shows several cameras counts for each.",
            {"{{camera}}": "sum by (camera) (video_viewers)"},
            unit="suffix:viewers",
            stacked=True,
        )
    )
    board.with_panel(
        panels.graph(
            "Frames sent",
            "To all viewers of a camera.",
            {"{{camera}}": f"sum by (camera) (rate(video_viewer_frames_sent_total[{WINDOW}]))"},
            unit="suffix:fps",
        )
    )
    board.with_panel(
        panels.graph(
            "Frames skipped",
            "Newer ones came before the viewer was ready: its network or browser is slow, or it asked for fewer.",
            {"{{camera}}": f"sum by (camera) (rate(video_viewer_frames_skipped_total[{WINDOW}]))"},
            unit="suffix:fps",
        )
    )
    board.with_row(dashboard.Row("Processes (of the producer without its captures, which are processes of their own)"))
    for title, description, expression, unit in (
        (
            "CPU",
            "Cores. A process is one Python: about 1 is all it can take outside of codecs and sockets.",
            f"rate(process_cpu_seconds_total{{{SERVICES}}}[{WINDOW}])",
            "suffix:cores",
        ),
        (
            "Memory",
            "Resident. It rises in the first minutes and then stays.",
            f"process_resident_memory_bytes{{{SERVICES}}}",
            "bytes",
        ),
        (
            "Open descriptors",
            "Files and sockets; each viewer takes one.",
            f"process_open_fds{{{SERVICES}}}",
            "suffix:open",
        ),
    ):
        board.with_panel(panels.graph(title, description, {"{{job}} {{instance}}": expression}, unit=unit))
    board.with_panel(
        panels.states(
            "Answers to Prometheus",
            "Every replica that the service's name gives. One that has gone altogether has no bar.",
            f"up{{{SERVICES}}}",
            "{{job}} {{instance}}",
            good=("1", "up"),
            bad=("0", "down"),
        )
    )
    board.with_panel(
        panels.graph(
            "Running for",
            "A step to 0 is a restart.",
            {"{{job}} {{instance}}": f"time() - process_start_time_seconds{{{SERVICES}}}"},
            unit="s",
            width=12,
            height=6,
        )
    )
    return board.build()


def _board(uid: str, title: str) -> dashboard.Dashboard:
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


def _answers(board: dashboard.Dashboard) -> None:
    """Add the top rows: one number for each question, and the names behind the numbers."""
    alive = f"sum by (camera) (rate(video_frames_in_total[{WINDOW}])) > 0"
    board.with_panel(
        panels.number(
            "Is it live?",
            "Cameras that a producer has, but that do not come to any video replica.",
            {
                "": f"count(max by (camera) (producer_camera_up{{{CAMERA}}}) unless on (camera) ({alive})) "
                f"or 0 * count(producer_camera_up{{{CAMERA}}})"
            },
            unit="suffix:not live",
            steps=[(0, GREEN), (1, RED)],
            words={"0": "all live"},
            none="no producer",
            width=5,
        )
    )
    board.with_panel(
        panels.number(
            "How late?",
            "Age of frames as they are shown, all cameras together: half of them are younger than the first number, "
            "99 of 100 younger than the second.",
            {"median": queries.age("video", 0.5, window="1m"), "p99": queries.age("video", 0.99, window="1m")},
            unit="s",
            steps=[(0, GREEN), (0.3, ORANGE), (1, RED)],
            none="nothing shown",
            decimals=3,
            width=6,
        )
    )
    lost = " + ".join(queries.missed(stage) for stage in STAGES)
    board.with_panel(
        panels.number(
            "What is lost?",
            "Of the cameras' frames in the last 5 minutes, the share that was dropped or lost on the way. Not in it: "
            "what FRAMEINTERVAL thins out, and what waits for a busy model.",
            {"": f"({lost}) / ({queries.frames('producer', 'in', window=queries.LONG)} > 0)"},
            unit="percentunit",
            steps=[(0, GREEN), (0.01, ORANGE), (0.1, RED)],
            none="no frames",
            decimals=1,
        )
    )
    board.with_panel(
        panels.number(
            "Unexplained",
            "Frames that are in a stage's books as `in`, and neither as `out` nor as `dropped`. Always 0.",
            {"": " + ".join(queries.zero(queries.unexplained(stage)) for stage in STAGES)},
            unit="suffix:frames",
            steps=[(0, GREEN), (1, RED)],
        )
    )
    board.with_panel(
        panels.number(
            "What is down?",
            "Alerts that fire; the table below names them, docs/monitoring.md says what to do first.",
            {"": queries.zero('count(ALERTS{alertstate="firing"})')},
            unit="suffix:alerts",
            steps=[(0, GREEN), (1, RED)],
            words={"0": "nothing"},
            width=5,
        )
    )
    board.with_panel(
        panels.rows(
            "Firing now",
            "docs/monitoring.md says what each means and what to do first.",
            'ALERTS{alertstate="firing"}',
            ["severity", "alertname", "job", "camera", "model", "instance"],
            none="nothing is wrong",
            width=8,
        )
    )
    board.with_panel(
        panels.states(
            "Cameras",
            "Whether each camera gives pictures, as its producer says.",
            f"max by (camera) (producer_camera_up{{{CAMERA}}})",
            "{{camera}}",
            good=("1", "up"),
            bad=("0", "down"),
            width=8,
        )
    )
    board.with_panel(
        panels.states(
            "Clocks",
            "Suspect: producer's and broker's clocks differ by more than 5 s; no age is shown then.",
            f"max by (camera) (consumer_clock_suspect{{{CAMERA}}} or video_clock_suspect{{{CAMERA}}})",
            "{{camera}}",
            good=("0", "agree"),
            bad=("1", "suspect"),
            width=WHOLE_WIDTH - 16,
        )
    )


def _books(stage: str) -> panels.Graph:
    lines = {
        "in": queries.frames(stage, "in"),
        "out": queries.frames(stage, "out"),
        "dropped: {{reason}}": queries.frames(stage, "dropped", "reason"),
    }
    if stage in READERS:
        lines["lost upstream"] = queries.frames(stage, "lost_upstream")
    return panels.graph(
        f"{stage.capitalize()}: in, out, dropped, lost",
        "README, `Health and metrics`, says what each reason means. Lost upstream: went out of the stage before and "
        "never came here.",
        lines,
        unit="suffix:fps",
    )

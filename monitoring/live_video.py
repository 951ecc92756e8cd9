"""The first dashboard: is it live, how late, what is lost, what is down; then where and why."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as schema

from monitoring import panels, queries
from monitoring.board import begin
from monitoring.panels import GREEN, ORANGE, RED, WHOLE_WIDTH
from monitoring.queries import CAMERA, READERS, STAGES, WINDOW


def live_video() -> schema.Dashboard:
    """Return the dashboard: answers at the top, their reasons below."""
    board = begin("live-video", "Live video").with_variable(
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
    board.with_row(dashboard.Row("Frames per second, as they leave each stage"))
    for stage in STAGES:
        board.with_panel(
            panels.graph(
                stage.capitalize(),
                "All three should show the same: the rate of the camera, or that of FRAMEINTERVAL if it is lower.",
                {"{{camera}}": queries.frames(stage, "out", "camera")},
                unit="suffix:fps",
            )
        )
    board.with_row(dashboard.Row("Age: now − when the camera's picture had been read"))
    for name, quantile in (("Median", 0.5), ("p99", 0.99)):
        board.with_panel(
            panels.graph(
                f"{name} by stage",
                "Each stage includes those before it: the difference between two lines is the time spent in a stage.",
                {stage: queries.age(stage, quantile) for stage in STAGES},
                unit="s",
            )
        )
    board.with_panel(
        panels.graph(
            "p99 by camera, as shown",
            "One camera alone: its network. All cameras: broker, consumer or machine. Above the line: alert Late.",
            {"{{camera}}": queries.age("video", 0.99, "camera")},
            unit="s",
            limit=1,
        )
    )
    board.with_row(dashboard.Row("Ledgers: in = out + Σ dropped, at every stage"))
    for stage in STAGES:
        board.with_panel(_ledger(stage))
    board.with_panel(
        panels.graph(
            "Unexplained within a stage",
            "in − out − Σ dropped. Always 0; anything else is a bug in the suite.",
            {stage: queries.unexplained(stage) for stage in STAGES},
            unit="suffix:frames",
            limit=1,
        )
    )
    board.with_panel(
        panels.graph(
            "Unaccounted for between two stages",
            "What one stage sent minus what the next received or counted as lost. About 0, except after a start.",
            {f"{a} → {b}": queries.between(a, b) for a, b in zip(STAGES, READERS, strict=False)},
            unit="suffix:fps",
        ).min(-1)
    )
    board.with_panel(
        panels.graph(
            "Lag: unread records",
            "A few at most. Readers that are more than MAXLAG behind seek to the end, and count what they skip.",
            {f"{stage} {{{{instance}}}}": f"sum by (instance) ({stage}_broker_lag_frames)" for stage in READERS},
            unit="suffix:frames",
        )
    )
    return board.build()


def _answers(board: dashboard.Dashboard) -> None:
    """Add the top rows: one number per question, and the names behind the numbers."""
    alive = f"sum by (camera) (rate(video_frames_in_total[{WINDOW}])) > 0"
    board.with_panel(
        panels.number(
            "Is it live?",
            "Cameras that a producer has, but that reach no video replica.",
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
            "Age of frames when they are shown, for all cameras together: half are younger than the first number, "
            "99 of 100 are younger than the second.",
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
            "The share of the cameras' frames of the last 5 minutes that was dropped or lost on the way. It excludes "
            "frames that FRAMEINTERVAL thins out or that wait for a busy model.",
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
            "Frames that a stage's ledger has as `in`, and neither as `out` nor as `dropped`. Always 0.",
            {"": " + ".join(queries.zero(queries.unexplained(stage)) for stage in STAGES)},
            unit="suffix:frames",
            steps=[(0, GREEN), (1, RED)],
        )
    )
    board.with_panel(
        panels.number(
            "What is down?",
            "Alerts that fire. The table below names them; docs/monitoring.md has the first step for each.",
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
            "docs/monitoring.md explains each alert and has the first step.",
            'ALERTS{alertstate="firing"}',
            ["severity", "alertname", "job", "camera", "model", "instance"],
            none="nothing is wrong",
            width=8,
        )
    )
    board.with_panel(
        panels.states(
            "Cameras",
            "Whether each camera delivers pictures, as its producer reports.",
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


def _ledger(stage: str) -> panels.Graph:
    lines = {
        "in": queries.frames(stage, "in"),
        "out": queries.frames(stage, "out"),
        "dropped: {{reason}}": queries.frames(stage, "dropped", "reason"),
    }
    if stage in READERS:
        lines["lost upstream"] = queries.frames(stage, "lost_upstream")
    return panels.graph(
        f"{stage.capitalize()}: in, out, dropped, lost",
        "The README, `Health and metrics`, explains each reason. Lost upstream: left the previous stage and "
        "never arrived here.",
        lines,
        unit="suffix:fps",
    )

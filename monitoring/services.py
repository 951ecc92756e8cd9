"""The dashboard of what stands behind the pictures: models, broker, viewers, and what the processes take."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as schema

from monitoring import panels, queries
from monitoring.board import begin
from monitoring.queries import SERVICES, STAGES, WINDOW


def services() -> schema.Dashboard:
    """Return the dashboard."""
    board = begin("live-video-services", "Live video: models, viewers, services")
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

"""The second dashboard: models, broker, viewers, and what the processes use."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as schema

from monitoring import panels, queries
from monitoring.board import begin
from monitoring.panels import WHOLE_WIDTH
from monitoring.queries import SERVICES, STAGES, WINDOW


def services() -> schema.Dashboard:
    """Return the dashboard."""
    board = begin("live-video-services", "Live video: models, viewers, services")
    board.with_row(dashboard.Row("Models"))
    board.with_panel(
        panels.graph(
            "Time to answer",
            "From request to answer, for answered requests. MODELTIMEOUT ends the others.",
            {"{{model}} median": queries.prediction(0.5), "{{model}} p99": queries.prediction(0.99)},
            unit="s",
        )
    )
    board.with_panel(
        panels.graph(
            "Frames by outcome",
            "ok; timeout: slower than MODELTIMEOUT; unreachable: no connection; refused: an HTTP error; nonsense: an "
            "invalid answer; contradiction: document and metadata do not fit; labels: the labels cannot be read; "
            "unreadable: the picture cannot be decoded; nothing: nothing to ask, such as no face.",
            {"{{model}} {{outcome}}": f"sum by (model, outcome) (rate(consumer_predictions_total[{WINDOW}]))"},
            unit="suffix:fps",
            stacked=True,
        )
    )
    board.with_panel(
        panels.graph(
            "Seconds since the broker's last answer",
            "Normal below 2, because each service writes its status once a second. Above the line: alert BrokerSilent.",
            {f"{stage} {{{{instance}}}}": f"max by (instance) ({stage}_broker_silent_seconds)" for stage in STAGES},
            unit="s",
            limit=10,
        )
    )
    board.with_panel(
        panels.graph(
            "Frames per request",
            "Frames of different cameras that a model is asked about at a time.",
            {"{{model}} median": queries.batch(0.5), "{{model}} p99": queries.batch(0.99)},
            unit="suffix:frames",
            width=WHOLE_WIDTH // 2,
        )
    )
    board.with_panel(
        panels.graph(
            "Agreement of shadow models",
            "Share of a shadow's answers that agree with the other model's about the same frame.",
            {"{{model}} with {{reference}}": queries.agreement()},
            unit="percentunit",
            width=WHOLE_WIDTH // 2,
        )
    )
    board.with_row(dashboard.Row("Viewers and status"))
    board.with_panel(
        panels.graph(
            "Viewers",
            "Per camera, over all replicas. A page that shows several cameras counts once for each.",
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
            "A newer frame arrived before the viewer was ready: its network or browser is slow, or it asked for fewer.",
            {"{{camera}}": f"sum by (camera) (rate(video_viewer_frames_skipped_total[{WINDOW}]))"},
            unit="suffix:fps",
        )
    )
    board.with_panel(
        panels.graph(
            "Denied",
            "Requests and streams that were refused, by reason. No credential is normal where ACCESSFILE "
            "is set; wrong tokens and signatures are not.",
            {"{{reason}}": f"sum by (reason) (rate(video_access_denied_total[{WINDOW}]))"},
            unit="suffix:a second",
            stacked=True,
        )
    )
    board.with_panel(
        panels.graph(
            "Audit",
            "Records of who watched what. Lost ones did not reach the broker.",
            {"{{outcome}}": f"sum by (outcome) (rate(video_audit_records_total[{WINDOW}]))"},
            unit="suffix:a second",
        )
    )
    board.with_panel(
        panels.graph(
            "Events",
            "Predictions sent to readers of /predictions/stream, those that slow readers missed, and records of the "
            "topic that make no sense.",
            {
                "sent": f"sum(rate(video_events_sent_total[{WINDOW}]))",
                "missed": f"sum(rate(video_events_missed_total[{WINDOW}]))",
                "ignored": f"sum(rate(video_events_ignored_total[{WINDOW}]))",
            },
            unit="suffix:a second",
        )
    )
    board.with_panel(
        panels.graph(
            "Odd records",
            "Status entries that make no sense or exceed a bound, and frame numbers that began again without a new "
            "run. Always 0 unless a stranger writes to the topics.",
            {
                "status entries {{instance}}": f"rate(video_status_entries_ignored_total[{WINDOW}])",
                "frame numbers at consumer {{camera}}": "sum by (camera) "
                f"(rate(consumer_frames_renumbered_total[{WINDOW}]))",
                "frame numbers at video {{camera}}": f"sum by (camera) (rate(video_frames_renumbered_total[{WINDOW}]))",
            },
            unit="suffix:a second",
            width=WHOLE_WIDTH,
        )
    )
    board.with_row(dashboard.Row("Processes (without the producer's captures, which are separate processes)"))
    for title, description, expression, unit in (
        (
            "CPU",
            "Cores. Each process runs one Python interpreter: it uses about 1 at most outside codecs and sockets.",
            f"rate(process_cpu_seconds_total{{{SERVICES}}}[{WINDOW}])",
            "suffix:cores",
        ),
        (
            "Memory",
            "Resident. It rises in the first minutes, then stays level.",
            f"process_resident_memory_bytes{{{SERVICES}}}",
            "bytes",
        ),
        (
            "Open descriptors",
            "Files and sockets; each viewer uses one.",
            f"process_open_fds{{{SERVICES}}}",
            "suffix:open",
        ),
    ):
        board.with_panel(panels.graph(title, description, {"{{job}} {{instance}}": expression}, unit=unit))
    board.with_panel(
        panels.states(
            "Answers to Prometheus",
            "Every replica that the service's name resolves to. A replica that no longer exists has no bar.",
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

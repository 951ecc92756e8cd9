"""PromQL of the dashboards: sums over replicas that share the work, averages over those that all do the same."""

STAGES = ("producer", "consumer", "video")
READERS = ("consumer", "video")
CAMERA = 'camera=~"$camera"'
SERVICES = 'job=~"producer|consumer|video"'
WINDOW = "$__rate_interval"  # at least four scrapes, and no less than a pixel of the graph
LONG = "5m"
# Dropped by design: faster than FRAMEINTERVAL, or PREDICTIONMODE=sync with a model slower than the camera.
_BY_DESIGN = 'reason!~"thinned|model_busy"'


def zero(expression: str) -> str:
    """Return 0 where an expression has no value: a counter that never counted has no series."""
    return f"({expression} or vector(0))"


def frames(stage: str, what: str, *by: str, window: str = WINDOW, where: str = CAMERA) -> str:
    """Return frames per second of a stage.

    Args:
        stage: the service.
        what: `in`, `out`, `dropped` or `lost_upstream`.
        by: labels to keep.
        window: of the rate.
        where: label matchers.
    """
    rate = f"rate({stage}_frames_{what}_total{{{where}}}[{window}])"
    total = f"sum by ({', '.join(by)}) ({rate})" if by else f"sum({rate})"
    # Every replica of `video` has every frame.
    return f'{total} / on () group_left () count(up{{job="video"}} == 1)' if stage == "video" else total


def age(stage: str, quantile: float, *by: str, window: str = WINDOW) -> str:
    """Return a quantile, in seconds, of the age of frames when they leave a stage."""
    labels = ", ".join((*by, "le"))
    return (
        f"histogram_quantile({quantile}, "
        f"sum by ({labels}) (rate({stage}_frame_age_seconds_bucket{{{CAMERA}}}[{window}])))"
    )


def unexplained(stage: str) -> str:
    """Return in − out − Σ dropped in frames, the absolute values summed over all accounts; 0 if they balance."""
    arrived, out, dropped = (f"{stage}_frames_{what}_total{{{CAMERA}}}" for what in ("in", "out", "dropped"))
    return f"sum(abs({arrived} - {out} - (sum without (reason) ({dropped}) or {arrived} * 0)))"


def missed(stage: str) -> str:
    """Return frames per second that a stage had to drop or never received, over some minutes; 0 if there are none."""
    dropped = zero(frames(stage, "dropped", window=LONG, where=f"{CAMERA}, {_BY_DESIGN}"))
    if stage not in READERS:
        return dropped
    return f"{dropped} + {zero(frames(stage, 'lost_upstream', window=LONG))}"


def between(sender: str, receiver: str) -> str:
    """Return frames per second that left one stage and that the next has neither as received nor as lost."""
    parts = (frames(sender, "out", window=LONG), frames(receiver, "in", window=LONG))
    return f"{parts[0]} - {parts[1]} - {zero(frames(receiver, 'lost_upstream', window=LONG))}"


def prediction(quantile: float) -> str:
    """Return a quantile, in seconds, of the answer time of each model."""
    return f"histogram_quantile({quantile}, sum by (model, le) (rate(consumer_prediction_seconds_bucket[{WINDOW}])))"


def batch(quantile: float) -> str:
    """Return a quantile of the frames per answered request of each model."""
    return f"histogram_quantile({quantile}, sum by (model, le) (rate(consumer_batch_size_bucket[{WINDOW}])))"


def agreement() -> str:
    """Return the share of each shadow's answers that agree with its reference's."""
    by, metric = "sum by (model, reference)", "consumer_model_agreement_total"
    agreed, all_of = (f"{by} (rate({metric}{{{chosen}}}[{WINDOW}]))" for chosen in ('agrees="true"', ""))
    return f"{agreed} / {all_of}"

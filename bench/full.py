"""The whole run: every scenario, and what goes into its tables."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench import kafka, results
from bench.mjpeg_camera import mjpeg_camera
from bench.results import Results, Row, of_flows, of_rounds, of_step, ratio
from bench.rtsp_camera import measured_camera
from bench.scenarios import fan_out, growth, one_camera
from bench.systems import GStreamer, Motion, OpenCv, Original, Roboflow, Suite, System, model_stub
from local.kafka.node import Node

KILOBYTES = 137  # of a picture for the fan-out: real video of 720p at quality 80
SMALL_KILOBYTES = 40  # of a tile of 640 × 360
FPS = 25
VIEWERS, CROWD = 200, 500
STEP_FPS = 5
WARM_BROKER_S = 20.0  # until Java has compiled the code that runs often
OURS, NOT_COMPRESSED, OPENCV = "this suite", "the original's way, not compressed", OpenCv.name


@dataclass(frozen=True)
class Run:
    """What a scenario needs.

    Attributes:
        found: where the results go.
        scale: of all durations.
        say: tells how far it is.
    """

    found: Results
    scale: float
    say: Callable[[str], None]

    def of_cameras(self, name: str, outcome: tuple[dict[str, list[one_camera.Round]], dict[str, str]]) -> None:
        """Enter the outcome of a comparison of systems."""
        done, skipped = outcome
        self.found.tables[name] = {system: of_rounds(rounds) for system, rounds in done.items()}
        self.found.skipped |= skipped

    def of_servers(self, name: str, outcome: tuple[dict[str, list[fan_out.Flow]], dict[str, str]]) -> None:
        """Enter the outcome of a comparison of servers."""
        done, skipped = outcome
        self.found.tables[name] = {server: of_flows(flows) for server, flows in done.items()}
        self.found.skipped |= skipped


def rtsp(run: Run) -> None:
    """One RTSP camera: this suite, the original's way, OpenCV, GStreamer, motion, roboflow's inference."""
    with ExitStack() as stack:
        broker, model = stack.enter_context(kafka.node()), stack.enter_context(model_stub())
        camera = stack.enter_context(measured_camera())
        ours, original = Suite(broker, model), Original(broker, model, compression="none")
        run.say(f"  warming the broker up for {WARM_BROKER_S * run.scale:.0f} s")
        one_camera.measure(ours, camera, broker, seconds=WARM_BROKER_S * run.scale, warm_s=0.0)
        gzip = Original(broker, model, compression="gzip")
        systems: list[System] = [ours, original, gzip, OpenCv(), GStreamer(), Motion(), Roboflow(model)]
        compared = one_camera.compare(
            systems, camera, broker, rounds=3, seconds=12.0 * run.scale, warm_s=4.0 * run.scale, say=run.say
        )
    run.of_cameras("rtsp", compared)
    table = run.found.tables["rtsp"]
    for reference in (NOT_COMPRESSED, gzip.name, OPENCV, GStreamer.name, Motion.name, Roboflow.name):
        run.found.ratios |= ratio(table, OURS, reference, "services_ms")


def mjpeg(run: Run) -> None:
    """One camera that sends MJPEG: this suite, OpenCV."""
    with ExitStack() as stack:
        broker, model = stack.enter_context(kafka.node()), stack.enter_context(model_stub())
        camera = stack.enter_context(mjpeg_camera())
        ours = Suite(broker, model)
        one_camera.measure(ours, camera, broker, seconds=WARM_BROKER_S * run.scale, warm_s=0.0)
        compared = one_camera.compare(
            [ours, OpenCv()], camera, broker, rounds=3, seconds=12.0 * run.scale, warm_s=4.0 * run.scale, say=run.say
        )
    run.of_cameras("mjpeg", compared)


def viewers(run: Run) -> None:
    """Many viewers of one camera: video, a bare asyncio server, motion; and 500 viewers on one core."""
    settings = {"fps": FPS, "kilobytes": KILOBYTES}
    with kafka.node() as broker, measured_camera() as camera:
        servers: list[fan_out.Server] = [
            fan_out.Video(broker, **settings),
            fan_out.BareAsyncio("asyncio", **settings),
            fan_out.BareAsyncio("uvloop", **settings),
            fan_out.MotionServer(camera.link, FPS),
        ]
        compared = fan_out.compare(servers, viewers=VIEWERS, rounds=5, seconds=5.0 * run.scale, say=run.say)
        run.of_servers("fan-out", compared)
        for server in servers[1:]:
            run.found.ratios |= ratio(run.found.tables["fan-out"], "video", server.name, "us_per_mb")
        run.found.tables["crowd"] = dict(crowd(run, broker))


def crowd(run: Run, broker: Node) -> Iterator[tuple[str, Row]]:
    """Yield a row for each kind of stream that 500 viewers watch, with the service bound to one core."""
    for kilobytes, fps in ((SMALL_KILOBYTES, FPS), (KILOBYTES, STEP_FPS)):
        server = fan_out.Video(broker, fps=fps, kilobytes=kilobytes, core=0)
        flow = fan_out.measure(server, viewers=CROWD, seconds=10.0 * run.scale, warm_s=3.0, core=1)
        got = flow.pictures_per_s(kilobytes) * flow.fewest
        run.say(
            f"  {CROWD} viewers of {kilobytes} KB: {flow.cores:.0%} of the core, the slowest got {got:.1f} of {fps}"
        )
        yield f"{CROWD} viewers of {kilobytes} KB at {fps} fps", of_flows([flow]) | {"fps": fps, "kilobytes": kilobytes}


def growing(run: Run) -> None:
    """Ever more cameras, and ever more viewers, until two cores are full."""
    with ExitStack() as stack:
        broker, model = stack.enter_context(kafka.node()), stack.enter_context(model_stub())
        camera = stack.enter_context(measured_camera(rate=STEP_FPS))
        steps = growth.of_cameras(
            Suite(broker, model),
            camera,
            fps=STEP_FPS,
            seconds=10.0 * run.scale,
            most=growth.MOST_CAMERAS,
            say=run.say,
        )
        run.found.steps["cameras"] = [of_step(step) for step in steps]
        watched = fan_out.Video(broker, fps=FPS, kilobytes=KILOBYTES)
        steps = growth.of_viewers(watched, fps=FPS, seconds=6.0 * run.scale, most=growth.MOST_VIEWERS, say=run.say)
        run.found.steps["viewers"] = [of_step(step) for step in steps]


SCENARIOS: dict[str, Callable[[Run], None]] = {"rtsp": rtsp, "mjpeg": mjpeg, "viewers": viewers, "growth": growing}


def run(found: Results, names: Sequence[str], scale: float, say: Callable[[str], None]) -> bool:
    """Run scenarios; return whether all came to their end. What fails is printed, and the next one runs."""
    lacks = kafka.missing()
    complete = True
    for number, name in enumerate(names, 1):
        scenario = SCENARIOS[name]
        say(f"[{number}/{len(names)}] {scenario.__doc__}")
        if lacks:
            found.skipped[name] = lacks
            say(f"  skipped: {lacks}")
            continue
        try:
            scenario(Run(found, scale, say))
        except Exception:
            error = traceback.format_exc()
            found.skipped[name] = f"failed: {error.strip().splitlines()[-1]}"
            say(error)
            complete = False
        found.write(results.FOLDER / "newest.json")
    return complete

"""The ratios that CI compares with bench/bounds.toml: never a time, and each in up to three attempts."""

from collections.abc import Callable
from contextlib import ExitStack

from bench import kafka, results
from bench.full import FPS, KILOBYTES, NOT_COMPRESSED, OPENCV, OURS
from bench.results import of_flows, of_rounds, ratio
from bench.rtsp_camera import measured_camera
from bench.scenarios import fan_out, one_camera
from bench.systems import OpenCv, Original, Suite, System, model_stub

ATTEMPTS = 3
SECONDS, WARM_S = 6.0, 2.0
VIEWERS = 50


def quick(say: Callable[[str], None]) -> int:
    """Measure until no ratio is above its bound, or three times; return the exit status."""
    best: dict[str, float] = {}
    for attempt in range(1, ATTEMPTS + 1):
        for measure in (of_services, of_fan_out):
            known = results.exceeded(best)
            if attempt == 1 or known:
                for name, value in measure(say).items():
                    best[name] = min(value, best.get(name, float("inf")))
        above = results.exceeded(best)
        for name, bound in results.bounds().items():
            say(f"{name}: {best.get(name, float('nan')):.2f}, bound {bound:g}")
        if not above:
            return 0
        say(f"attempt {attempt} of {ATTEMPTS}: above the bound: {', '.join(above)}")
    return 1


def of_services(say: Callable[[str], None]) -> dict[str, float]:
    """Return the ratios of one camera: CPU time of the services per shown picture."""
    with ExitStack() as stack:
        broker, model = stack.enter_context(kafka.node()), stack.enter_context(model_stub())
        camera = stack.enter_context(measured_camera())
        systems: list[System] = [Suite(broker, model), Original(broker, model, compression="none"), OpenCv()]
        done, _ = one_camera.compare(systems, camera, broker, rounds=1, seconds=SECONDS, warm_s=WARM_S, say=say)
    table = {system: of_rounds(rounds) for system, rounds in done.items()}
    return {
        name: value
        for reference in (NOT_COMPRESSED, OPENCV)
        for name, value in ratio(table, OURS, reference, "services_ms").items()
    }


def of_fan_out(say: Callable[[str], None]) -> dict[str, float]:
    """Return the ratio of the fan-out: CPU time per MB delivered."""
    with kafka.node() as broker:
        servers: list[fan_out.Server] = [
            fan_out.Video(broker, fps=FPS, kilobytes=KILOBYTES),
            fan_out.BareAsyncio("asyncio", fps=FPS, kilobytes=KILOBYTES),
        ]
        done, _ = fan_out.compare(servers, viewers=VIEWERS, rounds=3, seconds=2.0, say=say)
    return ratio({server: of_flows(flows) for server, flows in done.items()}, "video", servers[1].name, "us_per_mb")

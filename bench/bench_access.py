"""CPU time that access control costs the video service, per frame sent to a viewer.

    python -m bench.bench_access [--viewers 200] [--fps 25] [--kilobytes 40] [--rounds 12] [--seconds 3]

One server, one crowd of viewers, each with a signed link of its own, whose streams run all the time. Access control is
turned on and off in turns, so that both see the same machine, whatever else it does. The figures are user + system time
of the server process per frame. Each round has both, one after the other, in alternating order; the difference is the
median of the rounds' ratios, which a disturbance of some rounds does not move.
"""

import argparse
import asyncio
import math
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench import crowd
from bench.bench_viewers import PATH, serve
from video.access.access import Access
from video.access.document import AccessDocument, LinksSection
from video.access.key_files import Key
from video.access.links import sign

KEY = Key("bench", b"signs-the-links-of-the-viewers")
LINK_S = 3600.0
SETTLE_S = 1.0  # after a turn, in which every right is looked at again
WARM_UP_S = 3.0


def main() -> None:
    """Print the CPU per frame with and without access control, and by how much they differ."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--viewers", type=int, default=200)
    arguments.add_argument("--fps", type=float, default=25.0)
    arguments.add_argument("--kilobytes", type=int, default=40, help="size of a picture")
    arguments.add_argument("--rounds", type=int, default=12, help="of both")
    arguments.add_argument("--seconds", type=float, default=3.0, help="for each half of a round")
    arguments.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.serve:
        serve("shared", options.fps, options.kilobytes, switched())
        return
    command = [sys.executable, "-m", "bench.bench_access", "--serve"]
    command += ["--fps", str(options.fps), "--kilobytes", str(options.kilobytes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            asyncio.run(measure(process, options))
        finally:
            process.kill()


def switched() -> Access:
    """Return access control that standard input turns on and off; links are the only way to see something."""
    access = Access()
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        keys.write_text(f"{KEY.id} {KEY.secret.decode()}")
        access.use(AccessDocument(links=LinksSection(keys=keys)))
    policy = access.policy

    def listen() -> None:
        for line in sys.stdin:
            access.policy = policy if line.strip() == "on" else None

    threading.Thread(target=listen, daemon=True).start()
    return access


async def measure(process: "subprocess.Popen[str]", options: argparse.Namespace) -> None:
    """Let the viewers watch, and print what their frames cost."""
    assert process.stdin is not None
    assert process.stdout is not None
    port = int(process.stdout.readline())
    links = [sign(KEY, "front", time.time() + LINK_S + number, predictions=True) for number in range(options.viewers)]
    watching = [viewer for link in links for viewer in await crowd.connect_good(port, f"{PATH}?link={link}", 1)]
    await asyncio.sleep(WARM_UP_S)
    rounds: list[dict[str, float]] = []
    print(f"{options.viewers} viewers x {options.fps:g} fps x {options.kilobytes} KB, us of CPU per frame")
    for number in range(options.rounds):
        cost: dict[str, float] = {}
        for state in ("on", "off") if number % 2 else ("off", "on"):
            process.stdin.write(f"{state}\n")
            process.stdin.flush()
            await asyncio.sleep(SETTLE_S)
            seen = await crowd.window(watching, options.seconds, process.pid)
            assert not any(viewer.ended for viewer in watching), "a viewer was cut off"
            cost[state] = seen.cpu_s / max(1, len(seen.ages_ms)) * 1e6
        rounds.append(cost)
        difference = cost["on"] / cost["off"] - 1
        print(f"round {number + 1:3}  off {cost['off']:6.1f}  on {cost['on']:6.1f}  {difference:+.1%}", flush=True)
    report(rounds)


def report(rounds: list[dict[str, float]]) -> None:
    """Print the medians, and the interval that holds the median of the differences with about 95 % confidence."""
    differences = sorted(cost["on"] / cost["off"] - 1 for cost in rounds)
    # Between the order statistics n/2 -+ sqrt(n): the binomial distribution of how many rounds lie below the median.
    reach = math.sqrt(len(rounds))
    low = differences[max(0, math.floor(len(rounds) / 2 - reach))]
    high = differences[min(len(rounds) - 1, math.ceil(len(rounds) / 2 + reach) - 1)]
    for state in ("off", "on"):
        median = statistics.median(cost[state] for cost in rounds)
        print(f"access control {state:4}{median:6.1f} us, median of {len(rounds)} rounds")
    print(f"difference: {statistics.median(differences):+.1%}, between {low:+.1%} and {high:+.1%}")


if __name__ == "__main__":
    main()

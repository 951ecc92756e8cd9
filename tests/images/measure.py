"""Prints the README's table of images: `python -m tests.images.measure`, after `make test-images` has built them."""

import subprocess
import sys
import time
from datetime import datetime
from statistics import median

from tests.images.conftest import MODELS, SERVICES
from tests.images.docker import CONFINED, Container, Network, inspect
from tests.suite import ROOT, get
from tests.waiting import wait_until

PROBES = 8082
TIMES = 3


def compressed_bytes(image: str) -> int:
    """Return what `docker save` gives through gzip, about what a registry stores."""
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as save:
        gzip = subprocess.run(["gzip", "-6"], stdin=save.stdout, stdout=subprocess.PIPE, check=True)
    return len(gzip.stdout)


def ready_after_s(image: str, servers: str, pod: Container) -> float:
    """Return the seconds from a container's start to the first 200 of its /readyz, its broker being there."""
    environment = {
        **dict.fromkeys(("KAFKAPORT", "KAFKAPORTIN", "KAFKAPORTOUT"), servers),
        "PROBEPORT": f":{PROBES}",
        "VIDEOLINK": "rtsp://127.0.0.1:1/stream",
        "MODELURLS": '{"imagenet_1": "http://127.0.0.1:1/v1/models/tfModel:predict"}',
    }
    url = pod.url(PROBES)
    with Container(image, network=f"container:{pod.id}", environment=environment) as container:
        wait_until(lambda: get(f"{url}/readyz")[0] == 200, f"{image} is ready")
        ready = time.time()
        started = datetime.fromisoformat(container.state["StartedAt"])
        container.ends()
    return ready - started.timestamp()


def main() -> int:
    """Print a row for each image."""
    sys.stdout.write("| image | unpacked | compressed | start to ready |\n| --- | --- | --- | --- |\n")
    options = ("--entrypoint=python", f"--volume={ROOT / 'local'}:/app/local:ro", *CONFINED)
    with Network("mld-measure") as network:
        command = ("mld-test/video", "-m", "local.broker")
        with Container(*command, options=options, network=network.name, ports=(PROBES,)) as pod:
            wait_until(lambda: "127.0.0.1:" in pod.log, "the broker's address")
            for name in SERVICES:
                image = f"mld-test/{name}"
                ready = median(ready_after_s(image, pod.log.split()[-1], pod) for _ in range(TIMES))
                unpacked, compressed = int(inspect(image)["Size"]), compressed_bytes(image)
                sys.stdout.write(f"| {name} | {unpacked / 1e6:.0f} MB | {compressed / 1e6:.0f} MB | {ready:.1f} s |\n")
    # Its base is a stand-in here: what we add to the real one is the same.
    added = int(inspect("mld-test/tfserving")["Size"]) - int(inspect("mld-test/serving")["Size"])
    sys.stdout.write(f"| tfserving | its base + {added / 1e6:.0f} MB ({MODELS}) | | |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A real Prometheus with our configuration: only where the services are found differs from compose and Kubernetes."""

import json
import shutil
import subprocess
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from local.ports import free_port
from tests.monitoring import files
from tests.requirements import need
from tests.suite import LOOPBACK, get
from tests.waiting import wait_until

INSTALL = "apt-get install --no-install-recommends prometheus"


class Prometheus:
    """Asks a running one."""

    def __init__(self, port: int) -> None:
        self._url = f"http://{LOOPBACK}:{port}"

    def ready(self) -> bool:
        return get(f"{self._url}/-/ready")[0] == 200

    def api(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer; it fails with what Prometheus says is wrong."""
        status, body = get(f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(body)
        assert (status, answer["status"]) == (200, "success"), answer
        return answer["data"]

    def now(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an expression has now."""
        data = self.api("query", query=expression)
        return [{"metric": {}, "value": data["result"]}] if data["resultType"] == "scalar" else data["result"]

    def values(self, expression: str) -> list[float]:
        return [float(one["value"][1]) for one in self.now(expression)]

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        return {one["labels"]["alertname"] for one in self.api("alerts")["alerts"] if one["state"] == "firing"}


@contextmanager
def running(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Run Prometheus until it is ended.

    Args:
        folder: for its configuration and data.
        targets: job to host:port.
    """
    program = shutil.which("prometheus")
    need("prometheus", present=program is not None, install=INSTALL)
    assert program is not None
    port = free_port()
    configuration = files.read_yaml(files.SCRAPES)
    for scrape in configuration["scrape_configs"]:
        name = scrape["job_name"]
        assert scrape.pop("dns_sd_configs", None) or name == "prometheus"
        scrape["static_configs"] = [{"targets": [{**targets, "prometheus": f"{LOOPBACK}:{port}"}[name]]}]
    shutil.copytree(files.SCRAPES.parent / "rules", folder / "rules")
    path = folder / files.SCRAPES.name
    path.write_text(yaml.safe_dump(configuration))
    flags = (
        f"--config.file={path}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={LOOPBACK}:{port}",
    )
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, *flags], stdout=log, stderr=log, start_new_session=True)
    try:
        prometheus = Prometheus(port)
        wait_until(lambda: prometheus.ready() or process.poll() is not None, "Prometheus is ready")
        assert process.poll() is None, (folder / "log").read_text()
        yield prometheus
    finally:
        process.kill()
        process.wait()

"""Asks the service in this container whether it is alive: `python -m shared.alive`, for an image's HEALTHCHECK.

Exit status 0 if /healthz at PROBEPORT answers with 200, otherwise 1, with the answer on standard error. Images have no
curl: `python -m shared.alive /readyz`, or /metrics, prints the answer.
"""

import http.client
import os
import sys
from collections.abc import Sequence

from shared.go_notation import parse_address

TIMEOUT_S = 3.0
MAX_SHOWN = 500  # characters of a failure, which Docker keeps
DEFAULT = ":8081"  # as in ServiceSettings, whose import would take half a second


def main(argv: Sequence[str] = ()) -> int:
    """Ask once, for the given path or /healthz; return the exit status."""
    path = argv[0] if argv else "/healthz"
    address = parse_address(os.environ.get("PROBEPORT") or DEFAULT)
    connection = http.client.HTTPConnection(address.host or "localhost", address.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as exc:
        sys.stderr.write(f"no answer at {address}: {exc}\n")
        return 1
    finally:
        connection.close()
    if answer.status != http.client.OK:
        sys.stderr.write(f"{answer.status}: {said[:MAX_SHOWN]}\n")
        return 1
    if argv:
        sys.stdout.write(said)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

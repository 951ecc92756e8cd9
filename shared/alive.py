"""Asks the service in this container whether it lives: `python -m shared.alive`, for an image's HEALTHCHECK.

Exit status 0: /healthz answered with 200 at PROBEPORT. 1: it did not, and standard error says what it said. For people,
whose shells have no curl there: `python -m shared.alive /readyz`, or /metrics, prints the answer.
"""

import http.client
import os
import sys
from collections.abc import Sequence

from shared.go_notation import parse_address

TIMEOUT_S = 3.0
MOST = 500  # characters of a failure: Docker keeps them
DEFAULT = ":8081"  # as ServiceSettings has it; that class would take half a second to import


def main(argv: Sequence[str] = ()) -> int:
    """Ask once, for the path that is given if there is one; return the status to exit with."""
    path = argv[0] if argv else "/healthz"
    address = parse_address(os.environ.get("PROBEPORT") or DEFAULT)
    connection = http.client.HTTPConnection(address.host or "localhost", address.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as exc:
        sys.stderr.write(f"nobody answers at {address}: {exc}\n")
        return 1
    finally:
        connection.close()
    if answer.status != http.client.OK:
        sys.stderr.write(f"{answer.status}: {said[:MOST]}\n")
        return 1
    if argv:
        sys.stdout.write(said)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

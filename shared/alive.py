"""Asks the service in this container whether it lives: `python -m shared.alive`, for an image's HEALTHCHECK.

Exit status 0: /healthz answered with 200 at PROBEPORT. 1: it did not, and standard error says what it said.
"""

import http.client
import os
import sys

from shared.quantities import parse_address

TIMEOUT_S = 3.0
DEFAULT = ":8081"  # as ServiceSettings has it; that class would take half a second to import


def main() -> int:
    """Ask once; return the status to exit with."""
    address = parse_address(os.environ.get("PROBEPORT") or DEFAULT)
    connection = http.client.HTTPConnection(address.host or "localhost", address.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        said = answer.read(500).decode(errors="replace")
    except (OSError, http.client.HTTPException) as exc:
        sys.stderr.write(f"nobody answers at {address}: {exc}\n")
        return 1
    finally:
        connection.close()
    if answer.status != http.client.OK:
        sys.stderr.write(f"{answer.status}: {said}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

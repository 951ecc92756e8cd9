"""A real identity provider and a real proxy, as processes of their own."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.ports import free_port
from tests.requirements import need
from tests.waiting import wait_until

FOLDER = Path(__file__).parent
CACHE = FOLDER.parents[1] / ".cache" / "bin"
SECRET = "a-secret-that-the-client-and-the-provider-share"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _process(command: list[str], port: int, **environment: str) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=FOLDER, env=dict(os.environ, **environment), stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: process.poll() is not None or _listens(port), f"{command[0]} to listen")
        assert process.poll() is None, f"{command[0]} ended"
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def provider(redirect_uri: str, back_to: str) -> Iterator[str]:
    """Run the provider (`oidc-provider`) with one client, `video`; yield its issuer.

    Args:
        redirect_uri: where it sends viewers back to after a login.
        back_to: and after a logout.
    """
    installed = (FOLDER / "node_modules" / "oidc-provider").is_dir()
    need("oidc-provider", present=installed and shutil.which("node") is not None, install="make test-login")
    port = free_port()
    client = {
        "client_id": "video",
        "client_secret": SECRET,
        "redirect_uris": [redirect_uri],
        "post_logout_redirect_uris": [back_to],
    }
    with _process(["node", "provider.js", str(port), json.dumps([client])], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def oauth2_proxy(port: int, issuer: str, upstream: str) -> Iterator[None]:
    """Run the proxy (`oauth2-proxy`) at a port, in front of another server."""
    program = next(CACHE.glob("oauth2-proxy-*"), None)
    need("oauth2-proxy", present=program is not None, install="make test-login")
    options = {
        "provider": "oidc",
        "oidc-issuer-url": issuer,
        "oidc-groups-claim": "groups",
        "client-id": "video",
        "client-secret": SECRET,
        "cookie-secret": "0123456789abcdef0123456789abcdef",
        "cookie-secure": "false",
        "email-domain": "*",
        "http-address": f"127.0.0.1:{port}",
        "redirect-url": f"http://127.0.0.1:{port}/oauth2/callback",
        "scope": "openid profile email",
        "code-challenge-method": "S256",
        "skip-provider-button": "true",
        "upstream": upstream,
    }
    command = [str(program), *(f"--{name}={value}" for name, value in options.items())]
    with _process(command, port):
        yield

"""An issuer of JSON Web Tokens: keys, tokens, and a real HTTP server with its key set."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "video"


class IssuerServer:
    """The issuer; the test changes its keys, or takes it away."""

    def __init__(self) -> None:
        self.asked = 0
        self._keys: dict[str, Any] = {}
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self.add_key("rsa-1", rsa.generate_private_key(65537, 2048))

    @property
    def issuer(self) -> str:
        """As its tokens name it."""
        return f"http://127.0.0.1:{self._port}"

    def add_key(self, id_: str, key: Any = None) -> None:
        """Add a signing key."""
        self._keys[id_] = key or ec.generate_private_key(ec.SECP256R1())

    def remove_key(self, id_: str) -> None:
        """Withdraw a signing key."""
        del self._keys[id_]

    def key_set(self) -> dict[str, Any]:
        """Return the public keys (RFC 7517)."""
        return {"keys": [{**_public(key), "kid": id_, "use": "sig"} for id_, key in self._keys.items()]}

    def token(self, key: str = "rsa-1", *, algorithm: str = "", signed_with: Any = None, **claims: Any) -> str:
        """Return a token; claims that are None are left out."""
        private = signed_with or self._keys[key]
        algorithm = algorithm or ("RS256" if isinstance(private, rsa.RSAPrivateKey) else "ES256")
        now = int(time.time())
        values = {"iss": self.issuer, "aud": AUDIENCE, "sub": "u1", "iat": now, "exp": now + 300, "groups": ["guard"]}
        values |= claims
        present = {name: value for name, value in values.items() if value is not None}
        return jwt.encode(present, private if algorithm != "none" else "", algorithm, headers={"kid": key})

    def start(self) -> Self:
        """Answer, at the same port as before."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                body = json.dumps(issuer.answer(self.path)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def answer(self, path: str) -> dict[str, Any]:
        """Return what is at a path."""
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"}
        return self.key_set()

    def stop(self) -> None:
        """Be away."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _public(key: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return dict(algorithm.to_jwk(key.public_key(), as_dict=True))

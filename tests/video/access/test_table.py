"""Who may have what: every path with every kind of credential, and no answer that tells which cameras exist."""

import base64
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.video.access.world import CAMERAS, GUARD, LINK_KEY, NEIGHBOUR, PROXY, STRANGER, World
from video.access.key_files import Key, digest_of
from video.access.sessions import COOKIE, Sealer

OPEN_TO_ALL = {"/healthz": 200, "/static/main.js": 200}
OF_FRONT = (
    "/?action=stream&camera=front",
    "/?action=snapshot&camera=front",
    "/cameras/front/stream",
    "/cameras/front/snapshot.jpg",
    "/cameras/front/predictions",
    "/cameras/front/history",
)
GENERAL = ("/", "/cameras", "/whoami", "/docs", "/openapi.json", "/ws")
PATHS = (*OF_FRONT, *GENERAL)
REFUSED_PATHS = (
    *PATHS,
    "/predictions/stream",
    "/predictions/stream?camera=front",
    "/schemas/prediction.json",
    "/no-such-path",
    "/cameras/",
    "/static/../cameras",
    "//cameras",
)


@dataclass(frozen=True)
class Presented:
    """How a request presents a credential."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    source: str | None = None


def bearer(token: str) -> Presented:
    return Presented({"Authorization": f"Bearer {token}"})


def in_query(name: str, value: str) -> Presented:
    return Presented(query=f"{name}={value}")


def cookie(value: str, name: str = COOKIE) -> Presented:
    return Presented({"Cookie": f"{name}={value}"})


def by_proxy(groups: str, source: str | None = PROXY, **headers: str) -> Presented:
    return Presented({"X-Forwarded-User": "ann", "X-Forwarded-Groups": groups, **headers}, source=source)


def altered(link: str, old: str, new: str) -> str:
    assert old in link
    return link.replace(old, new, 1)


def far_expiry(link: str) -> str:
    """Return a link with another expiry and the old signature."""
    key, _, rest = link.split(".", 2)
    return f"{key}.{int(time.time()) + 10_000}.{rest}"


def session_of_a_stranger() -> str:
    """Return a cookie that another service has sealed with keys of its own."""
    value = {"k": "login", "n": "ann", "r": ["guard"], "e": time.time() + 60, "p": "", "i": ""}
    return Sealer([Key("s1", b"another secret")]).seal(value, COOKIE)


FOREIGN_KEY = rsa.generate_private_key(65537, 2048)
NOW = time.time

# These prove nothing.
WRONG: dict[str, Callable[[World], Presented]] = {
    "none": lambda _: Presented(),
    "an unknown token": lambda _: bearer("wrong"),
    "an empty token": lambda _: Presented({"Authorization": "Bearer "}),
    "the digest of a token": lambda _: bearer(digest_of(GUARD)),
    "a token of other case": lambda _: bearer(GUARD.upper()),
    "a token as Basic": lambda _: Presented(
        {"Authorization": "Basic " + base64.b64encode(f"guard:{GUARD}".encode()).decode()}
    ),
    "a token without a scheme": lambda _: Presented({"Authorization": GUARD}),
    "a token in a cookie": lambda _: cookie(GUARD),
    "a token in a cookie of its name": lambda _: cookie(GUARD, "token"),
    "a token in another header": lambda _: Presented({"X-Token": GUARD, "X-Api-Key": GUARD}),
    "a token in another parameter": lambda _: in_query("access_token", GUARD),
    "a token as a link": lambda _: in_query("link", GUARD),
    "a token twice": lambda _: in_query("token", f"{GUARD}&token={GUARD}"),
    "an unknown token in the query": lambda _: in_query("token", "wrong"),
    "a JWT in the query": lambda world: in_query("token", world.issuer.token()),
    "a JWT that has expired": lambda world: bearer(world.issuer.token(exp=int(NOW()) - 10)),
    "a JWT that is not yet valid": lambda world: bearer(world.issuer.token(nbf=int(NOW()) + 3600)),
    "a JWT from the future": lambda world: bearer(world.issuer.token(iat=int(NOW()) + 3600)),
    "a JWT without an expiry": lambda world: bearer(world.issuer.token(exp=None)),
    "a JWT with alg none": lambda world: bearer(world.issuer.token(algorithm="none")),
    "a JWT signed with a public key as a secret": lambda world: bearer(_confused(world)),
    "a JWT signed with another key": lambda world: bearer(world.issuer.token(signed_with=FOREIGN_KEY)),
    "a JWT of a key that is unknown": lambda world: bearer(_of_unknown_key(world)),
    "a JWT for another audience": lambda world: bearer(world.issuer.token(aud="shop")),
    "a JWT without an audience": lambda world: bearer(world.issuer.token(aud=None)),
    "a JWT of another issuer": lambda world: bearer(world.issuer.token(iss="https://elsewhere.example")),
    "a JWT with altered claims": lambda world: bearer(_with_other_claims(world)),
    "a JWT without a signature": lambda world: bearer(world.issuer.token().rpartition(".")[0] + "."),
    "a link that has expired": lambda world: in_query("link", world.link(seconds=-5)),
    "a link with a later expiry": lambda world: in_query("link", far_expiry(world.link(seconds=-5))),
    "a link for another camera, altered": lambda world: in_query(
        "link", altered(world.link("lobby"), "lobby", "front")
    ),
    "a link of a key that is unknown": lambda world: in_query("link", world.link(key=Key("k9", LINK_KEY.secret))),
    "a link of a wrong secret": lambda world: in_query("link", world.link(key=Key("k1", b"guessed"))),
    "half a link": lambda world: in_query("link", world.link()[:30]),
    "a link in the header": lambda world: bearer(world.link()),
    "a link in a cookie": lambda world: cookie(world.link()),
    "a session of another service": lambda _: cookie(session_of_a_stranger()),
    "nonsense as a session": lambda _: cookie("s1.nonsense"),
    "a proxy's header from elsewhere": lambda _: by_proxy("guard", source=None),
    "a proxy's header, forwarded for a proxy": lambda _: by_proxy("guard", source=None, **{"X-Forwarded-For": PROXY}),
    "a proxy that names nobody": lambda _: Presented({"X-Forwarded-Groups": "guard"}, source=PROXY),
}
# These prove who it is, and that is not enough for the camera `front`.
FOREIGN: dict[str, Callable[[World], Presented]] = {
    "another role's token": lambda _: bearer(NEIGHBOUR),
    "a token of a role without cameras": lambda _: bearer(STRANGER),
    "a JWT of another role": lambda world: bearer(world.issuer.token(groups=["neighbour"])),
    "a JWT of an unknown role": lambda world: bearer(world.issuer.token(groups=["admins", "*"])),
    "a JWT without roles": lambda world: bearer(world.issuer.token(groups=None)),
    "a proxy's viewer of another role": lambda _: by_proxy("neighbour"),
    "a proxy's viewer without roles": lambda _: by_proxy(""),
    "a link for another camera": lambda world: in_query("link", world.link("lobby")),
}
REFUSED = {**WRONG, **FOREIGN}
# These may see it.
RIGHT: dict[str, Callable[[World], Presented]] = {
    "a token": lambda _: bearer(GUARD),
    "a token, bearer in small letters": lambda _: Presented({"Authorization": f"bearer {GUARD}"}),
    "a JWT": lambda world: bearer(world.issuer.token()),
    "a JWT with roles in words": lambda world: bearer(world.issuer.token(groups="cleaner guard")),
    "a JWT of an issuer whose clock is ahead": lambda world: bearer(world.issuer.token(nbf=int(NOW()) + 10)),
    "a proxy's viewer": lambda _: by_proxy("cleaner, guard"),
    "a proxy's viewer with the proxy's own password": lambda _: by_proxy("guard", Authorization="Basic YTpi"),
    "a link": lambda world: in_query("link", world.link()),
}


def _confused(world: World) -> str:
    """Return a token that is right if an RSA key's public half is taken for a shared secret (CVE-2015-9235)."""
    import hashlib
    import hmac
    import json

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    key = json.dumps(world.issuer.key_set()["keys"][0]).encode()
    _, claims, _ = world.issuer.token().split(".")
    signed = f"{part(json.dumps({'alg': 'HS256', 'kid': 'rsa-1'}).encode())}.{claims}"
    return f"{signed}.{part(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


def _of_unknown_key(world: World) -> str:
    import jwt

    claims = {"iss": world.issuer.issuer, "aud": "video", "exp": int(NOW()) + 60, "groups": ["guard"]}
    return jwt.encode(claims, FOREIGN_KEY, "RS256", headers={"kid": "unknown"})


def _with_other_claims(world: World) -> str:
    head, _, signature = world.issuer.token(groups=["neighbour"]).split(".")
    return f"{head}.{world.issuer.token().split('.')[1]}.{signature}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("access")) as running:
        yield running


def answer_to(world: World, path: str, presented: Presented, *, method: str = "GET") -> tuple[int, dict[str, str]]:
    """Return status and headers of the answer to a request."""
    target = path + (("&" if "?" in path else "?") + presented.query if presented.query else "")
    with world.client(presented.source) as client:
        if path == "/ws":
            lines = "".join(f"{name}: {value}\r\n" for name, value in presented.headers.items()).encode()
            status = client.upgrade(lines, path=target)
            return int(status.split()[1]), {}
        client.get(target, presented.headers, method=method)
        line, *rest = client.head()
        return int(line.split()[1]), {
            name.lower(): value for name, _, value in (header.partition(": ") for header in rest)
        }


@pytest.mark.parametrize("credential", WRONG)
def test_what_proves_nothing_is_refused_everywhere(world: World, credential: str) -> None:
    answers = {path: answer_to(world, path, WRONG[credential](world)) for path in REFUSED_PATHS}

    assert {path: status for path, (status, _) in answers.items()} == {
        path: 404 if path.startswith("/static/") else 401 for path in REFUSED_PATHS
    }
    for path, (_, headers) in answers.items():
        assert path == "/ws" or path.startswith("/static/") or headers["www-authenticate"].startswith("Bearer realm=")
        assert "set-cookie" not in headers


@pytest.mark.parametrize("credential", FOREIGN)
def test_a_viewer_of_other_cameras_is_refused(world: World, credential: str) -> None:
    statuses = {path: answer_to(world, path, FOREIGN[credential](world))[0] for path in OF_FRONT}

    assert statuses == dict.fromkeys(OF_FRONT, 403)


@pytest.mark.parametrize("credential", RIGHT)
def test_a_viewer_gets_what_it_may_see(world: World, credential: str) -> None:
    statuses = {path: answer_to(world, path, RIGHT[credential](world))[0] for path in PATHS}

    assert statuses == {path: 101 if path == "/ws" else 200 for path in PATHS}


@pytest.mark.parametrize("credential", REFUSED)
def test_nobody_makes_links_for_cameras_that_it_may_not_see(world: World, credential: str) -> None:
    presented = REFUSED[credential](world)
    status, _ = answer_to(world, "/links?camera=front", presented, method="POST")

    assert status == (403 if credential in FOREIGN else 401)


@pytest.mark.parametrize("credential", REFUSED)
def test_no_answer_tells_which_cameras_exist(world: World, credential: str) -> None:
    presented = REFUSED[credential](world)
    for path in OF_FRONT:
        there, missing = (whole_answer(world, path, camera, presented) for camera in ("front", "no-such-camera"))

        assert there == missing
        assert not any(name.encode() in there[2] for name in CAMERAS)


def whole_answer(world: World, path: str, camera: str, presented: Presented) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the answer about a camera."""
    with world.client(presented.source) as client:
        target = path.replace("front", camera) + ("&" if "?" in path else "?") + presented.query
        status, headers, body = client.get(target, presented.headers).answer()
    headers.pop("date")
    return status, headers, body


@pytest.mark.parametrize("path", OPEN_TO_ALL)
def test_what_tells_nothing_is_open_to_all(world: World, path: str) -> None:
    assert answer_to(world, path, Presented())[0] == 200


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "PUT", "DELETE"])
def test_no_other_method_is_a_way_in(world: World, method: str) -> None:
    assert answer_to(world, "/cameras/front/snapshot.jpg", Presented(), method=method)[0] == 401


def test_a_viewer_without_predictions_gets_pictures_only(world: World) -> None:
    assert answer_to(world, "/cameras/yard-1/snapshot.jpg", bearer(NEIGHBOUR))[0] == 200
    assert answer_to(world, "/cameras/yard-1/predictions", bearer(NEIGHBOUR))[0] == 403
    without = world.link("front", predictions=False)
    assert answer_to(world, "/cameras/front/snapshot.jpg", in_query("link", without))[0] == 200
    assert answer_to(world, "/cameras/front/predictions", in_query("link", without))[0] == 403


def test_a_stranger_may_not_ask_in_the_name_of_a_replaced_proxy(world: World) -> None:
    """The header counts by who sends it, not by who is said to have sent it."""
    presented = replace(by_proxy("guard", source=None), query=f"token={GUARD}x")

    assert answer_to(world, "/cameras", presented)[0] == 401

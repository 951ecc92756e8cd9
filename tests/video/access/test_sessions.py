"""Tokens that are typed in once, cookies, links and what a viewer learns of itself."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.video.access.world import GUARD, LINK_KEY, NEIGHBOUR, PROXY, World
from video.access.identity import Denied, Identity, Kind, Refused
from video.access.key_files import BadFile, Key, read_keys, read_tokens
from video.access.links import sign, verify
from video.access.sessions import LONGEST, Sealer, identity_of, session_of


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("access"), everyone=("lobby",)) as running:
        yield running


@pytest.fixture
def browser(world: World) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=world.stage.url, headers={"Accept": "text/html"}) as client:
        yield client


def asked(
    world: World, path: str, headers: dict[str, str], *, source: str | None = None, method: str = "GET"
) -> tuple[int, dict[str, str], bytes]:
    with world.client(source) as client:
        return client.get(path, headers, method=method).answer()


def test_a_token_in_the_address_becomes_a_cookie(browser: httpx.Client) -> None:
    answer = browser.get(f"/?token={GUARD}&fps=5")

    assert (answer.status_code, answer.headers["location"]) == (303, "./?fps=5")
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/", "max-age="))
    assert "secure" not in cookie
    assert GUARD not in cookie
    entered = browser.get("/whoami").json()
    assert (entered["role"], entered["by"], entered["cameras"]) == ("guard", "token", ["front", "lobby", "yard-1"])


def test_a_token_in_the_address_of_a_stream_redirects_to_the_stream(browser: httpx.Client) -> None:
    answer = browser.get(f"/cameras/front/snapshot.jpg?token={GUARD}&width=8")

    assert (answer.status_code, answer.headers["location"]) == (303, "./snapshot.jpg?width=8")
    assert browser.get("/cameras/front/snapshot.jpg").status_code == 200


def test_a_cookie_is_for_https_only_behind_a_proxy_with_tls_and_for_its_path(world: World) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/live"}
    _, behind, _ = asked(world, f"/?token={GUARD}", headers, source=PROXY)
    _, forged, _ = asked(world, f"/?token={GUARD}", headers)

    assert "secure" in behind["set-cookie"].lower()
    assert "path=/live" in behind["set-cookie"].lower()
    assert "secure" not in forged["set-cookie"].lower()
    assert "path=/;" in forged["set-cookie"].lower()


def test_an_old_cookie_leaves_what_everyone_may_see(world: World, browser: httpx.Client) -> None:
    browser.cookies.set("video_session", "s1.old")

    assert browser.get("/cameras/lobby/snapshot.jpg?width=8").status_code == 200
    assert browser.get("/cameras/front/snapshot.jpg").status_code == 401


def test_a_wrong_token_is_refused_even_where_everyone_may_look(world: World) -> None:
    assert asked(world, "/cameras/lobby/snapshot.jpg", {"Authorization": "Bearer wrong"})[0] == 401
    assert asked(world, "/cameras/lobby/snapshot.jpg", {})[0] == 200


def test_a_browser_that_may_see_nothing_gets_the_login(tmp_path: Path) -> None:
    with World(tmp_path) as closed:
        answer = httpx.get(closed.stage.url, headers={"Accept": "text/html"})

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert 'action="login/token"' in answer.text
        assert "form-action 'self'" in answer.headers["content-security-policy"]


def test_a_session_whose_token_is_removed_leads_to_the_login(tmp_path: Path) -> None:
    with World(tmp_path) as closed, httpx.Client(base_url=closed.stage.url, headers={"Accept": "text/html"}) as browser:
        browser.get(f"/?token={GUARD}")
        assert browser.get("/").status_code == 200
        del closed.tokens[GUARD]
        closed.change()

        assert browser.get("/").status_code == 401
        closed.document["viewers"]["everyone"]["cameras"] = ["lobby"]
        closed.change()
        assert browser.get("/cameras/lobby/snapshot.jpg").status_code == 200


def test_a_query_of_any_length_is_answered(world: World) -> None:
    query = "&".join(f"p{number}=1" for number in range(300))

    assert asked(world, f"/cameras?{query}", {"Authorization": f"Bearer {GUARD}"})[0] == 200
    assert asked(world, f"/cameras?{query}", {})[0] == 401


def test_a_logout_removes_the_cookie(browser: httpx.Client) -> None:
    browser.get(f"/?token={GUARD}")
    answer = browser.post("/logout")

    assert answer.status_code == 303
    assert browser.get("/whoami").json()["by"] == "nobody"


@pytest.mark.parametrize("path", ["/logout", "/login/token", "/links?camera=front"])
def test_pages_of_others_change_nothing(browser: httpx.Client, path: str) -> None:
    browser.get(f"/?token={GUARD}")

    assert browser.post(path, headers={"Origin": "https://elsewhere.example"}).status_code == 403


def test_a_proxys_own_host_is_the_pages(world: World) -> None:
    headers = {"X-Forwarded-User": "ann", "X-Forwarded-Groups": "guard", "Origin": "https://video.example"}
    headers |= {"X-Forwarded-Host": "video.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/live"}
    status, _, body = asked(world, "/links?camera=front&for=1h", headers, source=PROXY, method="POST")

    assert status == 201
    assert json.loads(body)["url"].startswith("https://video.example/live/?link=k1.")
    assert asked(world, "/links?camera=front", headers, method="POST")[0] == 403


def test_a_link_shows_one_camera(world: World, browser: httpx.Client) -> None:
    made = browser.post("/links", json={"camera": "front", "for": "10m"}, headers={"Authorization": f"Bearer {GUARD}"})
    link = made.json()

    assert made.status_code == 201
    assert abs(link["expires_at"] / 1e6 - time.time() - 600) < 10
    assert browser.get(link["snapshot"]).status_code == 200
    assert browser.get(link["url"]).headers["location"] == "./"
    seen = browser.get("/whoami").json()
    assert (seen["role"], seen["cameras"], seen["may_share"]) == ("link", ["front", "lobby"], False)
    assert browser.post("/links", json={"camera": "front"}).status_code == 403
    elsewhere = urlsplit(link["snapshot"])._replace(path="/cameras/yard-1/snapshot.jpg").geturl()
    assert httpx.get(elsewhere).status_code == 403


def test_a_link_leaves_a_viewer_that_has_logged_in_as_it_is(world: World, browser: httpx.Client) -> None:
    browser.get(f"/?token={GUARD}")
    answer = browser.get(f"/?link={world.link()}")

    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    assert browser.get("/whoami").json()["role"] == "guard"


def test_a_session_that_has_ended_is_no_guess(world: World) -> None:
    source = "127.4.0.9"
    for _ in range(20):
        asked(world, "/cameras/front/snapshot.jpg?width=8", {"Cookie": "video_session=s1.old"}, source=source)

    assert world.access.attempts.wait_s(source) == 0


def test_a_link_gives_no_more_than_its_maker_may_see(world: World) -> None:
    headers = {"Authorization": f"Bearer {NEIGHBOUR}"}
    _, _, body = asked(world, "/links?camera=yard-1", headers, method="POST")
    query = urlsplit(json.loads(body)["url"]).query

    assert asked(world, f"/cameras/yard-1/snapshot.jpg?{query}", {})[0] == 200
    assert asked(world, f"/cameras/yard-1/predictions?{query}", {})[0] == 403
    assert asked(world, "/links?camera=front", headers, method="POST")[0] == 403


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"camera": "front", "for": "soon"}, "for: "),
        ({"camera": "front", "for": "0s"}, "for: "),
        ({"camera": "front", "for": "200h"}, "up to 168h"),
        ({"camera": "front", "for": True}, "for: "),
        ({}, "camera is missing"),
        ({"camera": 7}, "camera is missing"),
    ],
)
def test_a_wrong_wish_for_a_link_is_told(browser: httpx.Client, fields: dict[str, object], says: str) -> None:
    answer = browser.post("/links", json=fields, headers={"Authorization": f"Bearer {GUARD}"})

    assert answer.status_code == 422
    assert says in answer.json()["error"]


def test_a_body_is_small_and_only_where_it_belongs(browser: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {GUARD}"}

    assert browser.post("/links", content=b"x" * 5000, headers=headers).status_code == 413
    assert browser.post("/links", content=b"{", headers=headers).status_code == 400
    assert browser.post("/links", content=b"[" * 4000, headers=headers).status_code == 400
    assert browser.post("/cameras", content=b"{}", headers=headers).status_code == 413


def test_streams_are_not_for_pages_of_others(world: World) -> None:
    with world.client() as client:
        lines = client.get("/cameras/front/stream", {"Authorization": f"Bearer {GUARD}"}).head()

    assert "cross-origin-resource-policy: same-origin" in [line.lower() for line in lines]


def test_an_address_that_guesses_waits_and_others_do_not(world: World) -> None:
    source = "127.4.0.1"
    known = {"Authorization": f"Bearer {GUARD}"}
    assert asked(world, "/cameras", known)[0] == 200
    for number in range(13):
        assert asked(world, "/cameras", {"Authorization": f"Bearer guess-{number}"}, source=source)[0] == 401

    assert world.access.attempts.wait_s(source) >= 1
    assert world.access.attempts.wait_s("127.4.0.2") == 0
    began = time.process_time(), time.monotonic()
    assert asked(world, "/cameras", known, source=source)[0] == 200  # behind the same address, and known to be right
    known_s = time.monotonic() - began[1]
    began_at = time.monotonic()
    assert asked(world, "/cameras", {"Authorization": "Bearer another guess"}, source=source)[0] == 401
    assert time.monotonic() - began_at > max(0.9, known_s)


def test_a_session_is_read_by_its_key_only() -> None:
    mine, other = Sealer([Key("a", b"one")]), Sealer([Key("a", b"another")])
    cookie = session_of(Identity(Kind.LOGIN, "ann", ("guard",), time.time() + 60), mine, {"guard": 1})

    assert identity_of(cookie, mine).roles == ("guard",)
    rolled = Sealer([Key("b", b"newer"), Key("a", b"one")])
    assert identity_of(cookie, rolled).name == "ann"
    for sealer, wrong in ((other, cookie), (mine, cookie[:-3]), (mine, f"b{cookie[1:]}"), (mine, "x" * 5000)):
        with pytest.raises(Refused):
            identity_of(wrong, sealer)


def test_a_session_ends_with_its_time_and_fits_a_cookie() -> None:
    sealer = Sealer([Key("a", b"one")])
    old = session_of(Identity(Kind.LOGIN, "ann", (), time.time() - 1), sealer, {})
    with pytest.raises(Refused) as refused:
        identity_of(old, sealer)
    assert refused.value.reason is Denied.EXPIRED

    roles = {f"{'role' * 10}-{number}": 1 for number in range(200)}
    many = session_of(Identity(Kind.LOGIN, "ann", tuple(roles), time.time() + 60), sealer, roles)
    assert len(many) <= LONGEST
    assert identity_of(many, sealer).roles


@pytest.mark.parametrize(
    "text", ["", "k1", "k1.1.p.front", "k1.x.p.front.y", "k1.٣.p.front.y", "." * 400, "k1.1.p.ä.y"]
)
def test_what_is_no_link_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        verify(text, {"k1": LINK_KEY}, 0)


def test_a_link_is_valid_until_it_expires() -> None:
    text = sign(LINK_KEY, "front", 1000, predictions=True)

    assert verify(text, {"k1": LINK_KEY}, 999).camera == "front"
    with pytest.raises(Refused):
        verify(text, {"k1": LINK_KEY}, 1000)


@pytest.mark.parametrize("text", ["guard", "guard zz", f"guard {'a' * 63}", f"guard {'a' * 64}\nother {'A' * 64}"])
def test_mistakes_in_a_file_of_tokens_are_named_by_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokens").write_text(f"# roles\n{text}\n")

    with pytest.raises(BadFile, match=r"tokens, line [23]: "):
        read_tokens(tmp_path / "tokens")


@pytest.mark.parametrize("text", ["k1", "k.1 secret", "k1 two words", "k1 a\nk1 b"])
def test_mistakes_in_a_file_of_keys_are_named_without_the_secret(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys").write_text(text)

    with pytest.raises(BadFile, match=r"keys, line [12]: ") as bad:
        read_keys(tmp_path / "keys")
    assert "secret" not in str(bad.value).replace("then a secret without blanks", "")

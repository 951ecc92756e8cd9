"""A viewer logs in: at a real identity provider, by a token, by a link, or through a real proxy."""

import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from local.ports import free_port
from tests.login.conftest import Video
from tests.login.programs import SECRET, oauth2_proxy, provider
from tests.video.client import Client
from tests.video.stage import Stage
from video.access.access import Access

pytestmark = pytest.mark.browser

VIEWERS = {"everyone": {"cameras": []}, "roles": {"guard": {"cameras": ["*"]}, "visitor": {"cameras": ["yard"]}}}
TOKEN = "typed-in-once"


@pytest.fixture
def document(video: Video, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A document with the login at a provider, with tokens and with links."""
    (tmp_path / "tokens").write_text(f"guard {hashlib.sha256(TOKEN.encode()).hexdigest()} Gate\n")
    (tmp_path / "links").write_text("k1 secret-of-the-links\n")
    (tmp_path / "client-secret").write_text(SECRET)
    with provider(f"{video.address}/login/callback", f"{video.address}/") as issuer:
        yield {
            "viewers": VIEWERS,
            "tokens": {"file": str(tmp_path / "tokens")},
            "links": {"keys": str(tmp_path / "links")},
            "oidc": {"issuer": issuer, "client_id": "video", "client_secret": str(tmp_path / "client-secret")},
        }


def enter_at_provider(page: Page, name: str) -> None:
    """Log in at the provider, and consent."""
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def shows_pictures(page: Page) -> None:
    """Wait until the page shows live pictures."""
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "open", timeout=20_000)
    page.wait_for_function("document.querySelector('[data-testid=wall] canvas, [data-testid=picture]')")


def cameras_of(page: Page) -> list[str]:
    """Return the cameras that the page's viewer may see."""
    found = page.evaluate("fetch('whoami').then((answer) => answer.json())")
    return list(found["cameras"])


def test_a_viewer_logs_in_at_the_provider_and_out_again(video: Video, document: dict[str, Any], page: Page) -> None:
    video.begin(document)
    stranger = page.goto(video.address)
    assert stranger is not None
    assert stranger.status == 401
    page.get_by_role("link", name="Log in").click()
    enter_at_provider(page, "guard.ann")

    expect(page.get_by_test_id("viewer")).to_have_text("guard.ann · guard", timeout=20_000)
    shows_pictures(page)
    assert cameras_of(page) == ["front", "yard"]
    (cookie,) = [cookie for cookie in page.context.cookies() if cookie["name"] == "video_session"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert cookie["expires"] < time.time() + 3600 + 60

    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name=re.compile("Yes")).click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible(timeout=20_000)
    assert not [cookie for cookie in page.context.cookies() if cookie["name"] == "video_session"]


def test_a_viewer_sees_the_cameras_of_its_group_only(video: Video, document: dict[str, Any], page: Page) -> None:
    video.begin(document)
    page.goto(f"{video.address}/login")
    enter_at_provider(page, "visitor.bob")

    expect(page.get_by_test_id("viewer")).to_have_text("visitor.bob · visitor", timeout=20_000)
    assert cameras_of(page) == ["yard"]
    page.get_by_test_id("viewer").click()
    expect(page.get_by_role("dialog")).to_contain_text("Cameras: yard. Until ")


def test_a_group_without_a_role_is_told_so(video: Video, document: dict[str, Any], page: Page) -> None:
    video.begin(document)
    page.goto(f"{video.address}/login")
    enter_at_provider(page, "nobody.eve")

    expect(page.get_by_text("nobody.eve may not see any camera.")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Log in")).to_be_visible(timeout=20_000)


def test_a_session_that_ends_leads_to_the_login(video: Video, document: dict[str, Any], page: Page) -> None:
    document["oidc"]["lifetime"] = "4s"
    video.begin(document)
    page.goto(f"{video.address}/login")
    enter_at_provider(page, "guard.ann")
    expect(page.get_by_test_id("viewer")).to_be_visible(timeout=20_000)

    expect(page.get_by_role("link", name="Log in")).to_be_visible(timeout=20_000)


def test_an_answer_of_the_provider_is_for_one_browser_and_once(
    video: Video, document: dict[str, Any], page: Page
) -> None:
    video.begin(document)
    answers: list[str] = []
    page.on("request", lambda request: answers.append(request.url) if "/callback" in request.url else None)
    page.goto(f"{video.address}/login")
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies(video.address)}
    enter_at_provider(page, "guard.ann")
    expect(page.get_by_test_id("viewer")).to_be_visible(timeout=20_000)

    (answer,) = answers
    headers = {"Cookie": f"video_login={cookies['video_login']}"}
    assert httpx.get(answer).status_code == 401  # without the cookie of the browser that was sent away
    assert httpx.get(answer.replace("state=", "state=x"), headers=headers).status_code == 401
    assert (
        httpx.get(re.sub("iss=[^&]*", "iss=https%3A%2F%2Felsewhere.example", answer), headers=headers).status_code
        == 401
    )
    again = httpx.get(answer, headers=headers)  # the provider gives nothing for a code that was used
    assert again.status_code == 401
    assert "set-cookie" not in again.headers


def test_a_token_is_typed_in_once(video: Video, document: dict[str, Any], page: Page) -> None:
    video.begin(document)
    page.goto(video.address)
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Show cameras").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Show cameras").click()

    expect(page.get_by_test_id("viewer")).to_have_text("Gate · guard", timeout=20_000)
    page.reload()
    expect(page.get_by_test_id("viewer")).to_have_text("Gate · guard", timeout=20_000)
    shows_pictures(page)


def test_a_viewer_shares_one_camera(video: Video, document: dict[str, Any], page: Page) -> None:
    video.begin(document)
    page.goto(f"{video.address}/?token={TOKEN}")
    assert page.url == f"{video.address}/"
    page.get_by_role("button", name="Share", exact=True).click()
    page.get_by_label("Camera", exact=True).select_option("yard")
    page.get_by_label("Valid for").select_option(label="15 minutes")
    page.get_by_role("button", name="Make link").click()
    expect(page.get_by_label("Link")).to_have_value(re.compile("link=k1"))
    link = page.get_by_label("Link").input_value()

    assert page.context.browser is not None
    guest = page.context.browser.new_context().new_page()
    guest.goto(link)
    assert guest.url == f"{video.address}/"
    expect(guest.get_by_test_id("viewer")).to_have_text("Shared with you", timeout=20_000)
    shows_pictures(guest)
    assert cameras_of(guest) == ["yard"]
    assert not guest.get_by_role("button", name="Share", exact=True).count()
    guest.context.close()


def test_the_page_says_that_it_is_open_to_everyone(page: Page) -> None:
    with Stage(access=Access(loopback=False), loopback_only=False) as stage:
        stage.show("front", 1)
        page.goto(stage.url)

        expect(page.get_by_test_id("viewer")).to_have_text("Open to everyone", timeout=20_000)


def test_a_proxy_says_who_the_viewer_is(video: Video, page: Page) -> None:
    proxied = free_port()
    with (
        provider(f"http://127.0.0.1:{proxied}/oauth2/callback", f"http://127.0.0.1:{proxied}/") as issuer,
        oauth2_proxy(proxied, issuer, video.address),
    ):
        video.begin(
            {"viewers": VIEWERS, "proxy": {"trusted": ["127.0.0.1/32"], "user": "X-Forwarded-Preferred-Username"}}
        )
        page.goto(f"http://127.0.0.1:{proxied}/")
        enter_at_provider(page, "visitor.bob")

        expect(page.get_by_test_id("viewer")).to_have_text("visitor.bob · visitor", timeout=20_000)
        shows_pictures(page)  # the WebSocket passes the proxy, too
        assert cameras_of(page) == ["yard"]

    forged = {"X-Forwarded-Preferred-Username": "ann", "X-Forwarded-Groups": "guard"}
    with Client(video.stage.port, source="127.0.0.2") as stranger:
        assert stranger.get("/cameras", forged).status() == 401

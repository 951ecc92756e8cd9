import re
from importlib.resources import files

import pytest

from tests.video.stage import Stage
from video.pages import paths_page

SCRIPT = "/static/main.js"
PAGE = files("video") / "page"
NAMES = sorted(path.name for path in PAGE.iterdir() if not path.name.endswith(".html"))


@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_the_page_is_served_with_its_type(stage: Stage, name: str) -> None:
    """A browser refuses a module or a style of another type."""
    answer = stage.get(f"/static/{name}")

    kind = {"js": "text/javascript", "css": "text/css"}[name.rpartition(".")[2]]
    assert answer.status_code == 200
    assert answer.content == (PAGE / name).read_bytes()
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_file_that_the_page_names_is_there(stage: Stage) -> None:
    """By relative addresses, which stay right below any path of a proxy."""
    page = stage.get("/", Accept="text/html").text

    named = re.findall(r"""(?:src|href)=["']([^"'#][^"']*)["']""", page)
    files_of_page = [address for address in named if not address.startswith("data:") and address != "./"]

    assert files_of_page
    assert all(address.startswith("static/") for address in files_of_page)
    assert all(stage.get(f"/{address}").status_code == 200 for address in files_of_page)


def test_every_module_that_a_module_imports_is_there(stage: Stage) -> None:
    for name in NAMES:
        for imported in re.findall(r'(?:from|import) "([^"]+)"', (PAGE / name).read_text(encoding="utf-8")):
            assert imported.startswith("./"), f"{name} imports {imported}"
            assert stage.get(f"/static/{imported[2:]}").status_code == 200, f"{name} imports {imported}"


def test_a_copy_is_used_only_if_it_is_still_right(stage: Stage) -> None:
    """After an update no browser shows an old module: it asks each time, and the answer names the content."""
    first = stage.get(SCRIPT)
    etag = first.headers["etag"]

    assert first.headers["cache-control"] == "no-cache"
    for copies in (etag, f'"old", W/{etag}', "*"):
        again = stage.get(SCRIPT, **{"If-None-Match": copies})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    for copies in ("", '"old"', etag[:-2] + '"'):
        assert stage.get(SCRIPT, **{"If-None-Match": copies}).content == first.content


@pytest.mark.parametrize("name", ["index.html", "nothing.js", "..%2fpages.py", "%2e%2e/pages.py", "%00"])
def test_nothing_else_is_served(stage: Stage, name: str) -> None:
    assert stage.get(f"/static/{name}").status_code == 404


def test_the_page_may_load_and_run_nothing_but_its_own_files(stage: Stage) -> None:
    """So that nothing which finds its way into the page can run."""
    for path in ("/", "/docs"):
        answer = stage.get(path, Accept="text/html,application/xhtml+xml,*/*;q=0.8")
        policy = answer.headers["content-security-policy"]

        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"
        assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
        assert "connect-src 'self'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<(script|style)>| on[a-z]+=| style=", answer.text)
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", answer.text)


def test_the_list_of_paths_writes_text_as_text() -> None:
    operation = {
        "description": "a < b",
        "parameters": [{"name": "fps", "in": "query", "description": "<i>"}, {"name": "camera", "in": "path"}],
    }
    document = {"info": {"title": "video", "version": "1"}, "paths": {"/x": {"get": operation}}}

    html = paths_page(document)

    assert "a &lt; b" in html
    assert "<li><code>fps</code>: &lt;i&gt;</li>" in html
    assert "<code>camera</code>" not in html

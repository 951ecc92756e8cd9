"""The page and the list of paths: self-contained HTML, which may run nothing but the scripts it came with."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

COMMON_HEADERS = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_BLOCK = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """HTML, and the headers that it is sent with."""

    html: bytes
    headers: dict[str, str]


def read_page(name: str) -> Page:
    """Return a page of this package."""
    return _page((files("video") / "page" / name).read_text(encoding="utf-8"))


def paths_page(openapi: Mapping[str, Any]) -> Page:
    """Return a page that lists the paths of an OpenAPI document, for people who have no network but this one."""
    rows = []
    for path, methods in openapi["paths"].items():
        operation = methods["get"]
        options = "".join(
            f"<li><code>{escape(option['name'])}</code>: {escape(option.get('description', ''))}</li>"
            for option in operation.get("parameters", ())
            if option["in"] == "query"
        )
        text = escape(operation.get("description", ""))
        rows.append(f"<dt><code>{escape(path)}</code></dt><dd>{text}<ul>{options}</ul></dd>")
    title = f"{escape(openapi['info']['title'])} {escape(openapi['info']['version'])}"
    return _page(_PATHS.format(title=title, rows="".join(rows)))


def policy(html: str) -> str:
    """Return a Content-Security-Policy that allows a page's own scripts and styles, by their hashes, and no others.

    Pictures may be blobs and data, which a page makes itself; connections go to where it came from. Source: CSP
    level 3, section 8.4.
    """
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _BLOCK.findall(html):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        hashes[kind].append(f"'sha256-{digest}'")
    allowed = {kind: " ".join(found) or "'none'" for kind, found in hashes.items()}
    return (
        f"default-src 'none'; script-src {allowed['script']}; style-src {allowed['style']}; "
        "img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )


def _page(html: str) -> Page:
    return Page(html.encode(), {"Content-Security-Policy": policy(html), **COMMON_HEADERS})


_PATHS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}: paths</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }}
dt {{ margin-top: 1.2rem; font-weight: 600; }}
dd {{ margin: 0; }}
ul:empty {{ display: none; }}
</style></head>
<body><h1>{title}</h1><p>The same for programs: <a href="openapi.json">openapi.json</a></p><dl>{rows}</dl>
<dl><dt><code>/ws</code></dt><dd>All cameras over one WebSocket; the page uses it.</dd></dl></body></html>
"""

"""The page, its own files under /static, and the list of paths: nothing is loaded from elsewhere."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

# A page may run and load files of its own server only; pictures may be blobs and data, which a page makes itself.
# Source: CSP level 3, https://www.w3.org/TR/CSP3/#directives
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_NO_SNIFF = {"X-Content-Type-Options": "nosniff"}
# no-cache: a browser asks each time whether its copy is still right, so that it never mixes files of two versions.
_REVALIDATE = {"Cache-Control": "no-cache"}
_CONTENT_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file of the page, and the headers that it is sent with."""

    content: bytes
    headers: Mapping[str, str]


def read_static_files() -> Mapping[str, StaticFile]:
    """Return the page's scripts and styles by name."""
    return {
        path.name: _static_file(path.read_bytes(), content_type)
        for path in (files("video") / "page").iterdir()
        if (content_type := _CONTENT_TYPES.get(path.name[path.name.rfind(".") :])) is not None
    }


def read_page() -> str:
    """Return the page's HTML."""
    return (files("video") / "page" / "index.html").read_text(encoding="utf-8")


def paths_page(openapi: Mapping[str, Any]) -> str:
    """Return the HTML of a page that lists the paths of an OpenAPI document, for users without internet access."""
    rows = []
    for path, methods in openapi["paths"].items():
        method, operation = next(iter(methods.items()))
        options = "".join(
            f"<li><code>{escape(option['name'])}</code>: {escape(option.get('description', ''))}</li>"
            for option in operation.get("parameters", ())
            if option["in"] == "query"
        )
        text = escape(operation.get("description", ""))
        name = escape(path if method == "get" else f"{method.upper()} {path}")
        rows.append(f"<dt><code>{name}</code></dt><dd>{text}<ul>{options}</ul></dd>")
    title = f"{escape(openapi['info']['title'])} {escape(openapi['info']['version'])}"
    return _PATHS.format(title=title, rows="".join(rows))


def html_response(html: str) -> HTMLResponse:
    """Return an answer with a page that may load nothing but files of this server."""
    headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer", **_NO_SNIFF, **_REVALIDATE}
    return HTMLResponse(html, headers=headers)


def static_routes() -> APIRouter:
    """Return the route of the page's own files."""
    routes = APIRouter()
    static_files = read_static_files()

    async def static(request: Request, name: str) -> Response:
        """A script or a style of the page."""
        file = static_files.get(name)
        if file is None:
            return JSONResponse({"error": f"there is no file {name[:64]!r}"}, 404, {**_NO_SNIFF, **_REVALIDATE})
        if _is_current(request.headers.get("if-none-match", ""), file.headers["ETag"]):
            return Response(status_code=304, headers=file.headers)
        return Response(file.content, headers=file.headers)

    routes.add_api_route("/static/{name}", static, methods=["GET", "HEAD"], include_in_schema=False)
    return routes


def _static_file(content: bytes, content_type: str) -> StaticFile:
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return StaticFile(content, {"Content-Type": content_type, "ETag": etag, **_NO_SNIFF, **_REVALIDATE})


def _is_current(if_none_match: str, etag: str) -> bool:
    """Return whether one of a browser's copies is the file; by RFC 9110, section 13.1.2, compared weakly."""
    copies = [copy.strip().removeprefix("W/") for copy in if_none_match.split(",")]
    return etag in copies or "*" in copies


_PATHS = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}: paths</title>
<link rel="stylesheet" href="static/paths.css"></head>
<body><h1>{title}</h1><p>The same for programs: <a href="openapi.json">openapi.json</a></p><dl>{rows}</dl>
<dl><dt><code>/ws</code></dt><dd>All cameras over one WebSocket; the page uses it.</dd></dl></body></html>
"""

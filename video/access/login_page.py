"""The page for those who may see nothing yet: it asks for a token, or sends them to their identity provider."""

from html import escape
from importlib.resources import files

from starlette.responses import HTMLResponse, Response

from video.access.access import Viewer
from video.access.policy import Policy

# The form's Origin would be null without a referrer, and be refused.
# Nothing is loaded from elsewhere, and the form goes nowhere else.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)


def login_page(policy: Policy, viewer: Viewer, answer: Response, root: str = "./") -> Response:
    """Return the login page with the status and the headers of the answer that it stands for.

    Args:
        policy: in force.
        viewer: that is asked.
        answer: whose status and headers the page gets.
        root: the way from the page's address to the root.
    """
    parts = []
    if viewer.known:
        name = escape(viewer.identity.name or "You")
        parts.append(f"<p>{name} may not see any camera.</p>{_LOGOUT}")
    elif answer.status_code == 429:
        parts.append("<p>There were too many attempts from your address. Wait a little, then try again.</p>")
    elif answer.headers.get("www-authenticate", "").endswith('"invalid_token"'):
        parts.append("<p role='alert'>That did not let you in, or it is no longer valid.</p>")
    if policy.document.oidc is not None and not viewer.known:
        parts.append('<p><a class="button" href="login">Log in</a></p>')
    if policy.document.tokens is not None and not viewer.known:
        parts.append(_FORM)
    if not parts:
        parts.append("<p>Ask whoever runs this service for a link.</p>")
    html = _PAGE.replace("{root}", root).replace("{parts}", "".join(parts))
    headers = {name: value for name, value in answer.headers.items() if name not in {"content-length", "content-type"}}
    headers |= {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin", "Vary": "Accept"}
    return HTMLResponse(html, answer.status_code, headers)


_PAGE = (files("video") / "page" / "login.html").read_text(encoding="utf-8")
_LOGOUT = '<form method="post" action="logout"><button>Log out</button></form>'
_FORM = """<form method="post" action="login/token" autocomplete="off">
<label>Token <input name="token" type="password" required maxlength="1000" autocomplete="current-password"></label>
<button>Show cameras</button></form>"""

import base64
import hashlib

from video.pages import paths_page, policy


def test_a_policy_allows_the_pages_own_blocks_only():
    """By their hashes, so that nothing which finds its way into the page can run."""
    html = "<style>a{}</style><script>go()</script><script src=x></script>"

    allowed = policy(html)

    for kind, text in (("style", b"a{}"), ("script", b"go()")):
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in allowed
    assert "default-src 'none'" in allowed


def test_a_page_without_scripts_may_run_none():
    """Nothing to allow is allowing nothing."""
    assert "script-src 'none'; style-src 'none'" in policy("<p>text</p>")


def test_the_list_of_paths_writes_text_as_text():
    """What stands in a description is no HTML."""
    operation = {
        "description": "a < b",
        "parameters": [{"name": "fps", "in": "query", "description": "<i>"}, {"name": "camera", "in": "path"}],
    }
    document = {"info": {"title": "video", "version": "1"}, "paths": {"/x": {"get": operation}}}

    html = paths_page(document).html.decode()

    assert "a &lt; b" in html
    assert "<li><code>fps</code>: &lt;i&gt;</li>" in html
    assert "<code>camera</code>" not in html

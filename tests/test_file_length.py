from pathlib import Path

from tests.file_length import MOST_LINES, too_long


def test_a_file_may_have_300_lines_and_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "video" / "page"
    folder.mkdir(parents=True)
    (folder / "whole.js").write_text("line\n" * MOST_LINES)
    (folder / "long.js").write_text("line\n" * (MOST_LINES + 1))
    (folder / "picture.jpg").write_text("line\n" * (MOST_LINES + 1))

    assert list(too_long(tmp_path)) == ["video/page/long.js: 301 lines, at most 300 are allowed"]

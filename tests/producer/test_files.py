import itertools
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from producer import files
from producer.content import CameraJpeg, CapturedPicture, Undecodable
from shared.errors import CameraLost
from shared.frames import pixels
from tests.producer.cameras import BIKES, BUNNY, image


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files play as fast as they can; when they are due is told by `due_s`."""
    monkeypatch.setattr("producer.pacing.Playback.wait_for", lambda self, offset_s: None)


def play(pattern: Path | str, count: int, *, interval_s: float = 0.0) -> list[CapturedPicture]:
    return list(itertools.islice(files.pictures(str(pattern), interval_s=interval_s, tick=lambda: None), count))


def frame(picture: CapturedPicture) -> av.VideoFrame:
    assert isinstance(picture.content, av.VideoFrame)
    return picture.content


def test_a_video_loops_on_one_schedule(hurried: None) -> None:
    """132 frames of 40 ms are followed by the same 132: no frame is lost at the turn, and none comes early or late."""
    pictures = play(BUNNY, 200)

    assert [picture.due_s for picture in pictures] == pytest.approx([number * 0.04 for number in range(200)])
    assert np.array_equal(frame(pictures[5]).to_ndarray(), frame(pictures[137]).to_ndarray())


def test_b_frames_come_in_the_order_of_showing(hurried: None) -> None:
    """A file with B frames loops on one schedule too, its pictures in the order in which they are shown."""
    with av.open(str(BIKES)) as container:
        expected = [frame.pts for frame in container.decode(video=0)]

    pictures = play(BIKES, 500)

    assert [frame(picture).pts for picture in pictures] == [*expected, *expected]
    assert [picture.due_s for picture in pictures] == pytest.approx([number * 0.04 for number in range(500)], abs=1e-3)


def test_pictures_follow_each_other_by_name(tmp_path: Path, hurried: None) -> None:
    """A glob shows one picture per interval, sorted and looped."""
    for number in (2, 0, 1):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image(number=number))

    pictures = play(tmp_path / "*.png", 5, interval_s=0.5)

    for picture, number in zip(pictures, (0, 1, 2, 0, 1), strict=True):
        assert isinstance(picture.content, np.ndarray)
        assert np.array_equal(picture.content, image(number=number))
    assert [picture.due_s for picture in pictures] == pytest.approx([0, 0.5, 1, 1.5, 2])


def test_a_jpeg_is_not_decoded(tmp_path: Path, hurried: None) -> None:
    """A picture that is a JPEG already is taken as it is, 25 a second where no interval is asked for."""
    data = pixels.encode(image(), 80)
    (tmp_path / "a.jpg").write_bytes(data)

    pictures = play(tmp_path / "a.jpg", 2)

    assert [picture.content for picture in pictures] == [CameraJpeg(data)] * 2
    assert [picture.due_s for picture in pictures] == pytest.approx([0, 0.04])


def test_videos_and_pictures_may_be_mixed(tmp_path: Path, hurried: None) -> None:
    """A picture after a video comes when the video has ended."""
    shutil.copy(BUNNY, tmp_path / "1.mp4")
    (tmp_path / "2.jpg").write_bytes(pixels.encode(image(), 80))

    pictures = play(tmp_path / "*", 134)

    assert isinstance(pictures[132].content, CameraJpeg)
    assert pictures[132].due_s == pytest.approx(132 * 0.04)
    assert pictures[133].due_s == pytest.approx(133 * 0.04)


def test_a_broken_file_does_not_stop_the_others(tmp_path: Path, hurried: None) -> None:
    """What cannot be opened or decoded counts as undecodable in its place; the other files are still played."""
    (tmp_path / "1.mp4").write_bytes(b"no video")
    (tmp_path / "2.png").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "3.png"), image())

    pictures = play(tmp_path / "*", 6)

    assert [isinstance(picture.content, Undecodable) for picture in pictures] == [True, True, False] * 2


def test_a_truncated_film_plays_as_far_as_it_goes(tmp_path: Path, hurried: None) -> None:
    """A film that is still being written, or was cut off, gives the pictures that it has, and then begins again."""
    with av.open(str(BUNNY)) as source, av.open(str(tmp_path / "whole.ts"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            packet.stream = stream
            if packet.size:
                target.mux(packet)
    whole = (tmp_path / "whole.ts").read_bytes()
    (tmp_path / "part.ts").write_bytes(whole[: len(whole) // 3])

    played = play(tmp_path / "part.ts", 132)

    shown = [picture for picture in played if isinstance(picture.content, av.VideoFrame)]
    assert len(shown) > 120
    assert np.array_equal(frame(shown[0]).to_ndarray(), frame(play(tmp_path / "whole.ts", 1)[0]).to_ndarray())


def test_a_directory_may_change(tmp_path: Path, hurried: None) -> None:
    """Pictures that vanish are not counted, and new ones are shown in the next round."""
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image(number=number))
    played = files.pictures(str(tmp_path / "*.png"), interval_s=0.5, tick=lambda: None)
    first = next(played)
    (tmp_path / "1.png").unlink()
    cv2.imwrite(str(tmp_path / "3.png"), image(number=3))

    following = [next(played) for _ in range(4)]

    shown = [picture.content for picture in (first, *following)]
    for content, number in zip(shown, (0, 2, 0, 2, 3), strict=True):
        assert isinstance(content, np.ndarray)
        assert np.array_equal(content, image(number=number))


def test_files_without_a_picture_are_a_lost_camera(tmp_path: Path, hurried: None) -> None:
    """A round without one picture, or without a file, ends the capture: to be tried again, and not in a hot loop."""
    (tmp_path / "1.png").write_bytes(b"no picture")

    with pytest.raises(CameraLost, match="no picture"):
        play(tmp_path / "*", 2)
    with pytest.raises(CameraLost, match="no such file"):
        play(tmp_path / "none", 1)


def test_frames_are_stamped_when_they_are_due() -> None:
    """Played in earnest, no frame is captured before it is due, each before the next."""
    pictures = play(BUNNY, 8)

    first = pictures[0]
    for picture, following in itertools.pairwise(pictures):
        assert following.captured_at > picture.captured_at
        assert (picture.captured_at - first.captured_at) / 1e6 > picture.due_s - first.due_s - 0.01

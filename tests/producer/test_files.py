import itertools
import shutil

import av
import cv2
import numpy as np
import pytest

from producer import files as reel
from producer.picture import CameraJpeg, Undecodable
from shared.errors import CameraLost
from shared.frames import pixels
from tests.producer.cameras import BIKES, BUNNY, image


@pytest.fixture
def hurried(monkeypatch):
    """Let files play as fast as they can; when they are due is told by `at_s`."""
    monkeypatch.setattr("producer.pacing.Playback.wait_for", lambda self, offset_s: None)


def play(pattern, count, *, interval_s=0.0):
    return list(itertools.islice(reel.shots(str(pattern), interval_s=interval_s, tick=lambda: None), count))


def test_a_video_loops_on_one_schedule(hurried):
    """132 frames of 40 ms are followed by the same 132: no frame is lost at the turn, and none comes early or late."""
    shots = play(BUNNY, 200)

    assert [shot.at_s for shot in shots] == pytest.approx([number * 0.04 for number in range(200)])
    assert np.array_equal(shots[5].content.to_ndarray(), shots[137].content.to_ndarray())


def test_b_frames_come_in_the_order_of_showing(hurried):
    """A file with B frames loops on one schedule too, its pictures in the order in which they are shown."""
    with av.open(str(BIKES)) as container:
        expected = [frame.pts for frame in container.decode(video=0)]

    shots = play(BIKES, 500)

    assert [shot.content.pts for shot in shots] == [*expected, *expected]
    assert [shot.at_s for shot in shots] == pytest.approx([number * 0.04 for number in range(500)], abs=1e-3)


def test_pictures_follow_each_other_by_name(tmp_path, hurried):
    """A glob shows one picture per interval, sorted and looped."""
    for number in (2, 0, 1):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image(number=number))

    shots = play(tmp_path / "*.png", 5, interval_s=0.5)

    for shot, number in zip(shots, (0, 1, 2, 0, 1), strict=True):
        assert np.array_equal(shot.content, image(number=number))
    assert [shot.at_s for shot in shots] == pytest.approx([0, 0.5, 1, 1.5, 2])


def test_a_jpeg_is_not_decoded(tmp_path, hurried):
    """A picture that is a JPEG already is taken as it is, 25 a second where no interval is asked for."""
    data = pixels.encode(image(), 80)
    (tmp_path / "a.jpg").write_bytes(data)

    shots = play(tmp_path / "a.jpg", 2)

    assert [shot.content for shot in shots] == [CameraJpeg(data)] * 2
    assert [shot.at_s for shot in shots] == pytest.approx([0, 0.04])


def test_videos_and_pictures_may_be_mixed(tmp_path, hurried):
    """A picture after a video comes when the video has ended."""
    shutil.copy(BUNNY, tmp_path / "1.mp4")
    (tmp_path / "2.jpg").write_bytes(pixels.encode(image(), 80))

    shots = play(tmp_path / "*", 134)

    assert isinstance(shots[132].content, CameraJpeg)
    assert shots[132].at_s == pytest.approx(132 * 0.04)
    assert shots[133].at_s == pytest.approx(133 * 0.04)


def test_a_broken_file_does_not_stop_the_others(tmp_path, hurried):
    """What cannot be opened or decoded is garbage in its place; the rest goes on."""
    (tmp_path / "1.mp4").write_bytes(b"no video")
    (tmp_path / "2.png").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "3.png"), image())

    shots = play(tmp_path / "*", 6)

    assert [isinstance(shot.content, Undecodable) for shot in shots] == [True, True, False] * 2


def test_files_without_a_picture_are_a_lost_camera(tmp_path, hurried):
    """A round without one picture, or without a file, ends the capture: to be tried again, and not in a hot loop."""
    (tmp_path / "1.png").write_bytes(b"no picture")

    with pytest.raises(CameraLost, match="no picture"):
        play(tmp_path / "*", 2)
    with pytest.raises(CameraLost, match="no such file"):
        play(tmp_path / "none", 1)


def test_frames_are_stamped_when_they_are_due():
    """Played in earnest, no frame is captured before it is due, each before the next."""
    shots = play(BUNNY, 8)

    first = shots[0]
    for shot, following in itertools.pairwise(shots):
        assert following.captured_at > shot.captured_at
        assert (shot.captured_at - first.captured_at) / 1e6 > shot.at_s - first.at_s - 0.01

"""`motion` (Debian): RTSP in, MJPEG over HTTP out. It looks for motion meanwhile, as it always does."""

import shutil
from pathlib import Path

QUALITY = 80  # as the suite's


def missing() -> str:
    """Return what this machine lacks, empty if nothing."""
    return "" if shutil.which("motion") else "motion is missing: apt-get install motion"


def command(folder: Path, link: str, port: int, *, fps: int) -> list[str]:
    """Write the configuration into a folder and return the command."""
    settings = {
        "daemon": "off",
        "log_level": "1",
        "log_file": folder / "log",
        "target_dir": folder,
        "netcam_url": link,
        "netcam_params": "rtsp_transport=tcp",
        "width": 1280,
        "height": 720,
        "framerate": fps,
        "minimum_frame_time": 0,
        "picture_output": "off",
        "movie_output": "off",
        "text_right": "",
        "webcontrol_port": 0,
        "stream_port": port,
        "stream_localhost": "on",
        "stream_maxrate": 100,
        "stream_quality": QUALITY,
        "stream_motion": "off",
    }
    file = folder / "motion.conf"
    file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    return ["motion", "-n", "-c", str(file)]

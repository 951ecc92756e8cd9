"""Says of FFmpeg's errors what they mean for a camera; its own words quote links, so none of them are kept."""

import av.error

from shared.errors import CameraError, CameraFrozen, CameraLost, CameraRefused

OPEN_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 3.0


def camera_error(exc: av.error.FFmpegError | OSError, *, opening: bool) -> CameraError:
    """Return our error for one of FFmpeg's while a camera is opened or read."""
    match exc:
        case av.error.HTTPUnauthorizedError():
            return CameraRefused("authentication refused: wrong or missing user name or password (401)")
        case av.error.HTTPForbiddenError():
            return CameraRefused("authentication refused: access forbidden (403)")
        case av.error.HTTPNotFoundError():
            return CameraRefused("the camera knows no such path (404)")
        case av.error.HTTPClientError():
            return CameraRefused("the camera refuses the request (4xx)")
        case av.error.HTTPServerError():
            return CameraLost("the camera reports an error of its own (5xx)")
        case av.error.ExitError():
            if opening:
                return CameraLost(f"no answer within {OPEN_TIMEOUT_S:.0f} s")
            return CameraFrozen(f"connected, but silent for {READ_TIMEOUT_S:.0f} s")
        case av.error.EOFError():
            return CameraLost("the camera ended the stream")
        case av.error.InvalidDataError():
            return CameraLost("what it sends is no video")
        case ConnectionRefusedError():
            return CameraLost("connection refused")
        case FileNotFoundError():
            return CameraLost("no such file or device")
        case _:
            return CameraLost(exc.strerror or type(exc).__name__)

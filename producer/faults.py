"""Translates errors of libraries into what they mean for a camera. FFmpeg's own texts quote links: none is kept."""

import socket
import ssl

import av.error

from shared.errors import CameraError, CameraFrozen, CameraLost, CameraRefused

OPEN_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 3.0


def refusal(status: int) -> CameraError:
    """Return our error for the status of an answer of HTTP or RTSP that is not a success."""
    match status:
        case 401:
            return CameraRefused("authentication refused: wrong or missing user name or password (401)")
        case 403:
            return CameraRefused("authentication refused: access forbidden (403)")
        case 404:
            return CameraRefused("the camera has no such path (404)")
        case _ if 400 <= status < 500:
            return CameraRefused(f"the camera refuses the request ({status})")
        case _ if 500 <= status < 600:
            return CameraLost(f"the camera reports an internal error ({status})")
        case _:
            return CameraLost(f"the camera answers with the status {status}")


def silence(limit_s: float = READ_TIMEOUT_S) -> CameraError:
    """Return our error for a camera that is connected and sends nothing."""
    return CameraFrozen(f"connected, but silent for {limit_s:.0f} s")


def connection_error(exc: OSError | OverflowError | ValueError, *, opening: bool) -> CameraError:
    """Return our error for a connection that cannot be opened, or is lost."""
    match exc:
        case TimeoutError():
            return CameraLost(f"no answer within {OPEN_TIMEOUT_S:.0f} s") if opening else silence()
        case ConnectionRefusedError():
            return CameraLost("connection refused")
        case socket.gaierror():
            return CameraLost("its host name is unknown")
        case ssl.SSLCertVerificationError():
            return CameraRefused(f"its certificate is not accepted: {exc.verify_message}")
        case ssl.SSLError():
            return CameraLost(f"no TLS connection: {exc.reason or 'no reason given'}")
        case OSError():
            return CameraLost(exc.strerror or type(exc).__name__)
        case _:
            return CameraLost("its link has an invalid port")


def ffmpeg_error(exc: av.error.FFmpegError | OSError, *, opening: bool) -> CameraError:
    """Return our error for one of FFmpeg's while a camera is opened or read."""
    match exc:
        case av.error.HTTPUnauthorizedError():
            return refusal(401)
        case av.error.HTTPForbiddenError():
            return refusal(403)
        case av.error.HTTPNotFoundError():
            return refusal(404)
        case av.error.HTTPClientError():
            return CameraRefused("the camera refuses the request (4xx)")
        case av.error.HTTPServerError():
            return CameraLost("the camera reports an internal error (5xx)")
        case av.error.ExitError():
            return connection_error(TimeoutError(), opening=opening)
        case av.error.EOFError():
            return CameraLost("the camera ended the stream")
        case av.error.InvalidDataError():
            return CameraLost("the data that it sends is not video")
        case FileNotFoundError():
            return CameraLost("no such file or device")
        case OSError():
            return connection_error(exc, opening=opening)
        case _:
            return CameraLost(exc.strerror or type(exc).__name__)

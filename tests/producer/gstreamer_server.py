"""GStreamer's RTSP server, run with Debian's Python: `/usr/bin/python3 gstreamer_server.py FOLDER`.

On the first port that it prints it serves /h264, /h265, /mpeg4 (files of the folder), /jpeg (a test picture) and /udp
(H.264, not over TCP); on the second /h264, with Digest, to the user `operator` with the password `p@ss:w/rd%?#`.
"""

import sys
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - only after the versions

FILE = "( filesrc location={} ! {} ! {} name=pay0 )"
TEST_PICTURE = "video/x-raw,format=I420,width=640,height=360,framerate=25/1"


def main() -> None:
    """Serve for ever."""
    Gst.init(None)
    folder = Path(sys.argv[1])
    h264 = FILE.format(folder / "h264.mp4", "qtdemux", "rtph264pay config-interval=-1")
    launches = {
        "/h264": h264,
        "/udp": h264,
        "/h265": FILE.format(folder / "h265.mkv", "matroskademux", "rtph265pay config-interval=-1"),
        "/mpeg4": FILE.format(folder / "mpeg4.mp4", "qtdemux", "rtpmp4vpay config-interval=1"),
        "/jpeg": f"( videotestsrc is-live=true ! {TEST_PICTURE} ! jpegenc ! rtpjpegpay name=pay0 )",
    }
    servers = serve(launches), serve({"/h264": h264}, locked=True)
    sys.stdout.write(" ".join(str(server.get_bound_port()) for server in servers) + "\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


def serve(launches: dict[str, str], *, locked: bool = False) -> "GstRtspServer.RTSPServer":
    """Return a server of pipelines by their paths."""
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service="0")
    for path, launch in launches.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        if path == "/udp":
            factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
        if locked:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("user", GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
            permissions.add_permission_for_role("user", GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory(path, factory)
    if locked:
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "user")
        auth.add_digest("operator", "p@ss:w/rd%?#", token)
        server.set_auth(auth)
    server.attach(None)
    return server


if __name__ == "__main__":
    main()

"""A stand-in for brokers that close the connection on large requests and do not tell their configuration."""

import contextlib
import socket
import struct
import threading

from tests.suite import LOOPBACK

DESCRIBE_CONFIGS = 32  # https://kafka.apache.org/protocol#protocol_api_keys
CHUNK = 1 << 16


class StrictProxy:
    """Passes on the requests of Kafka clients, but closes the connection on those that it does not accept.

    A request is a length of four bytes and, in the first two bytes after it, the number of the API
    (https://kafka.apache.org/protocol#protocol_messages).
    """

    def __init__(self, *, most_bytes: int) -> None:
        """Listen on a free port of the loopback interface; `broker_port` must be set before a client connects.

        Args:
            most_bytes: length of the largest request that is passed on.
        """
        self.broker_port = 0
        self._most_bytes = most_bytes
        self._listener = socket.create_server((LOOPBACK, 0))
        threading.Thread(target=self._accept, name="strict-proxy", daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client = self._listener.accept()[0]
                broker = socket.create_connection((LOOPBACK, self.broker_port))
                for pump in (self._requests, self._answers):
                    threading.Thread(target=pump, args=(client, broker), daemon=True).start()

    def _requests(self, client: socket.socket, broker: socket.socket) -> None:
        with contextlib.suppress(OSError), client, broker, client.makefile("rb") as stream:
            while len(head := stream.read(6)) == 6:
                length, api = struct.unpack(">iH", head)
                if length > self._most_bytes or api == DESCRIBE_CONFIGS:
                    break
                broker.sendall(head + stream.read(length - 2))
            for connection in (client, broker):
                connection.shutdown(socket.SHUT_RDWR)

    def _answers(self, client: socket.socket, broker: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while answer := broker.recv(CHUNK):
                client.sendall(answer)

import socket

import pytest

from shared import sockets
from shared.errors import SettingsError
from shared.go_notation import Address


def test_an_empty_host_listens_on_every_interface_of_both_families() -> None:
    with sockets.listen(Address("", 0), variable="PORT") as listener:
        port = listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        if socket.has_dualstack_ipv6():
            socket.create_connection(("::1", port), timeout=5).close()


def test_a_taken_port_is_refused_with_the_name_of_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(SettingsError) as caught:
            sockets.listen(address, variable="PORT")

    assert caught.value.mistakes == [f"PORT: cannot listen on {address}: Address already in use"]


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "a" * 70])
def test_a_host_that_is_not_of_this_machine_is_refused_in_one_line(host: str) -> None:
    with pytest.raises(SettingsError) as caught:
        sockets.listen(Address(host, 0), variable="PORT")

    (mistake,) = caught.value.mistakes
    assert mistake.startswith(f"PORT: cannot listen on {host}:0: ")
    assert "\n" not in mistake

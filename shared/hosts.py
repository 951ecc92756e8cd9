"""Names and addresses of hosts, as Host headers and settings have them."""

from ipaddress import ip_address


def host_name(host: str) -> str:
    """Return the name or address in a Host header, without port and brackets, in lower case.

    >>> host_name("Localhost:8080"), host_name("[::1]:8080"), host_name("127.0.0.1")
    ('localhost', '::1', '127.0.0.1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()


def is_loopback(host: str) -> bool:
    """Return whether a Host header, or a name, means this machine, whatever DNS says (RFC 6761, section 6.3)."""
    name = host_name(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False

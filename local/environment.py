"""The environment of each program of the suite: the machine's variables, and those settings that the program reads.

A camera's password is for the producer only, and that of the bus for the services that use it: a compromised program
must not hold the secrets of the others.
"""

from collections.abc import Collection, Iterable, Mapping

_MACHINE = frozenset(
    {
        *(
            "HOME",
            "HOSTNAME",
            "LANG",
            "LANGUAGE",
            "LD_LIBRARY_PATH",
            "LOGNAME",
            "PATH",
            "SSL_CERT_DIR",
            "SSL_CERT_FILE",
        ),
        *("TMPDIR", "TZ", "USER", "VIRTUAL_ENV", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"),
    }
)
_MACHINE_PREFIXES = ("LC_", "MALLOC_", "OMP_", "OPENBLAS_", "OPENCV_", "PYTHON")
PROXY = frozenset({"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"})
"""May contain credentials: for those programs that fetch something from elsewhere."""
TENSORFLOW_PREFIXES = ("KERAS_", "TF_")
FETCH_PREFIXES = ("PIP_", "NPM_CONFIG_", "npm_config_", "NODE_", "REQUESTS_")
"""Mirrors and certificates of pip and npm; may contain credentials."""
JAVA_PREFIXES = ("JAVA_", "JDK_", "KAFKA_", "MAVEN_", "M2_")
# Each service has another topic, group and profile under these names; PYTHONSTARTUP is for interactive sessions.
_OF_NO_PROGRAM = frozenset({"TOPICNAME", "GROUPNAME", "PROFILE", "PYTHONSTARTUP"})


def environment(
    inherited: Mapping[str, str], names: Collection[str] = (), *, prefixes: Iterable[str] = ()
) -> dict[str, str]:
    """Return the variables of the machine and those named, without the ones that the services disagree about."""
    beginnings = (*_MACHINE_PREFIXES, *prefixes)
    return {
        name: value
        for name, value in inherited.items()
        if name not in _OF_NO_PROGRAM and (name in _MACHINE or name in names or name.startswith(beginnings))
    }


def unclaimed(inherited: Mapping[str, str], claimed: Collection[str]) -> set[str]:
    """Return the names of the variables that no program's settings claim."""
    return set(inherited) - set(claimed)

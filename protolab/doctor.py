"""What protolab needs on a machine, looked at one by one, each with how to mend it.

Nothing here imports what it looks for: a broken installation must still be able to say what is broken.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

from protolab.errors import LabError

PYTHON = (3, 11)
PACKAGES = (
    *("anywidget", "click", "graphql-core", "grpcio", "grpcio-health-checking", "grpcio-reflection", "grpcio-status"),
    *("grpcio-tools", "ipywidgets"),
    *("jupyterlab", "nest-asyncio", "tornado", "websockets"),
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TOOLS = {  # what for, and how to get it
    "tshark": (
        "Wireshark's decoder, which the tests compare with",
        "Debian and Ubuntu: apt-get install tshark; macOS: brew install wireshark",
    ),
    "redis-server": (
        "chat rooms across several processes",
        "Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis",
    ),
    "node": (
        "peers from npm, which the tests talk to",
        "Debian and Ubuntu: apt-get install nodejs npm; macOS: brew install node",
    ),
}


class Check(NamedTuple):
    """One thing looked at. Where it is not `good`, `says` what is wrong and `mend` what to do. Some are `needed`."""

    name: str
    good: bool
    says: str
    mend: str = ""
    needed: bool = True

    def __str__(self) -> str:
        mark = "ok" if self.good else "missing" if self.needed else "-"
        mend = f"\n{'':24}{self.mend}" if self.mend and not self.good else ""
        return f"{mark:<8}{self.name:<16}{self.says}{mend}"


def examine() -> Iterator[Check]:
    """Every check, needed things first."""
    yield python()
    yield packages()
    yield kernel()
    yield ports()
    yield lessons()
    yield proxy()
    yield browser()
    for name, (purpose, mend) in TOOLS.items():
        path = shutil.which(name)
        yield Check(
            name,
            path is not None,
            f"{path} ({purpose})" if path else f"not found; optional: {purpose}",
            mend,
            needed=False,
        )


def python() -> Check:
    """Whether this Python is new enough."""
    wanted, here = ".".join(map(str, PYTHON)), ".".join(map(str, sys.version_info[:3]))
    return Check(
        "Python",
        sys.version_info >= PYTHON,
        f"{here} at {sys.executable}",
        f"Make the environment with Python {wanted} or newer.",
    )


def packages() -> Check:
    """Whether the packages that protolab stands on are installed."""
    there, missing = {}, []
    for name in PACKAGES:
        try:
            there[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    mend = f"{sys.executable} -m pip install {' '.join(missing)}"
    if missing:
        return Check("packages", False, f"not installed: {', '.join(missing)}", mend)
    return Check(
        "packages",
        True,
        f"jupyterlab {there['jupyterlab']}, websockets {there['websockets']} and {len(there) - 2} more",
    )


def kernel() -> Check:
    """Whether notebooks would find a kernel, and whether it runs this Python: another one would not have protolab."""
    mend = f"{sys.executable} -m ipykernel install --sys-prefix"
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

        program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except ImportError:
        return Check("kernel", False, "jupyter_client is not installed", f"{sys.executable} -m pip install jupyterlab")
    except NoSuchKernel:
        return Check("kernel", False, "there is no kernel called python3", mend)
    path = (
        sys.executable if os.path.basename(program) == program else shutil.which(program)
    )  # a bare name means this one
    if path is None:
        return Check("kernel", False, f"the kernel python3 starts {program}, which is not there", mend)
    # By their folders, not by what links lead to: the programs of most environments are links to one Python.
    same = os.path.samefile(os.path.dirname(path), os.path.dirname(sys.executable))
    return Check("kernel", same, f"python3 runs {path}{'' if same else ', another Python, which lacks protolab'}", mend)


def ports() -> Check:
    """Whether a server can listen on this machine, and a client reach it."""
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as server,
            socket.create_connection(server.getsockname(), timeout=2),
        ):
            return Check("ports", True, "a server on 127.0.0.1 can be reached")
    except OSError as error:
        return Check(
            "ports",
            False,
            f"127.0.0.1 cannot be used: {error}",
            "Let this Python through the firewall or sandbox, for 127.0.0.1.",
        )


def lessons() -> Check:
    """Whether the lessons came with the package."""
    from protolab import workdir

    try:
        found = workdir.lessons()
    except LabError as error:
        return Check("lessons", False, error.problem, error.remedy)
    return Check("lessons", True, f"{len(found)} in {next(iter(found.values())).parent}")


def proxy() -> Check:
    """Whether a proxy stands between clients and 127.0.0.1, where it has no business."""
    from urllib.request import getproxies, proxy_bypass

    through = not proxy_bypass("127.0.0.1") and {"http", "https", "all", "socks"} & getproxies().keys()
    says = "a proxy is set for 127.0.0.1, too" if through else "none between you and 127.0.0.1"
    return Check(
        "proxy",
        not through,
        says,
        "Let this machine's own traffic pass beside it: export NO_PROXY=127.0.0.1,localhost",
        needed=False,
    )


def browser() -> Check:
    """Whether there is a Chromium that the tests can drive. Learners use whatever browser they like."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    says = f"{path} (for the tests; learners use any)" if path else "no Chromium found; optional: the tests drive one"
    return Check("browser", path is not None, says, "Debian and Ubuntu: apt-get install chromium", needed=False)

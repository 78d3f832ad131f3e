"""grpcio, imported with the settings that a notebook needs. Everything here that uses grpcio imports it from this module.

grpcio reads its environment once, when it is imported, so what is set here holds if protolab comes first; values that you
have set yourself are left alone.
"""

from __future__ import annotations

import os

# What grpcio's core would write goes to file descriptor 2, with times and process ids, into whichever cell ran last.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
# With fork support on, `!ls` in a cell (a fork with an exec after it) runs grpcio's handlers, which wait for its threads
# and write "Other threads are currently calling into gRPC" (grpc issue 18075). A child that only execs needs none of it.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import grpc
from grpc import aio

__all__ = ["aio", "grpc"]

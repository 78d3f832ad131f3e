"""What servers share: the contract `lab` runs them by, a log that shows itself on request, and the one fan-out."""

from protolab.serve.log import Entry, Log
from protolab.serve.loop import Loop
from protolab.serve.server import Server

__all__ = ["Entry", "Log", "Loop", "Server"]

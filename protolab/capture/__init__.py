"""Recording: what a Capture is, the tap that fills one, and the files it is kept in.

Words used here: a **capture** holds **connections**; a connection holds two append-only byte streams, one for each
**side**, and the **segments** that brought them; a segment is one read of the tap. The tap is imported by its own name
(`from protolab.capture.tap import Tap`), so that reading a saved capture needs no event loop.
"""

from protolab.capture.files import load, save
from protolab.capture.model import Capture, Connection, End, Segment

__all__ = ["Capture", "Connection", "End", "Segment", "load", "save"]

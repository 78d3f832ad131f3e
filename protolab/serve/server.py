"""The contract of a server that the lab can run: an object with its own state, started and stopped on the lab's loop."""

from __future__ import annotations

from abc import ABC, abstractmethod

from protolab.serve.log import Log


class Server(ABC):
    """A server as an object: no state outside it, no port of its own choosing.

    `name` is what it is called in `protolab serve` and in the lab; its URL is `{scheme}://{host}:{port}{path}`.
    """

    name = ""
    scheme = ""
    path = "/"

    def __init__(self) -> None:
        self.log = Log()

    @abstractmethod
    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port (the system picks one for 0). OSError says that it could not."""

    @abstractmethod
    async def stop(self) -> None:
        """Say goodbye to every client as the protocol asks, then free the port, tasks and memory.

        Safe to call twice, and again after a call that was cancelled because a client kept it waiting.
        """

    @property
    def serving(self) -> bool:
        """False when it has been started and no longer listens, whatever the cause. A server that can tell overrides this."""
        return True

    def __repr__(self) -> str:
        return f"<server {self.name or type(self).__name__}>"

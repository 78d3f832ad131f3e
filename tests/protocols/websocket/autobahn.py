"""Autobahn's own cases against our server and our client, run by kosoku.

All of them take some minutes: `python -m tests.protocols.websocket.autobahn server '9.*'` runs one side and one
family, and without arguments everything. The suite takes a keepalive ping for the answer that it waits for, so there
are none. What it prints are counts; any case that does not pass is named with what was expected of it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence

import kosoku
from kosoku import FailureError
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from protolab import lab, websocket
from protolab.serve.websocket_peers import receive

LARGE = 2**24 + 2**10  # the limits family (9) sends messages of 16 MiB
PATIENCE = 600
FAMILIES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.*", "13.*"]
# Family 13 asks a client for what it has to have offered first; `compression="deflate"` offers less, as browsers do.
OFFER_ALL = ClientPerMessageDeflateFactory(client_no_context_takeover=True, compress_settings={"memLevel": 5})


async def against_server(cases: Sequence[str]) -> list[kosoku._kosoku.CaseResult]:
    """The results of `cases` (globs such as "7.*") with EchoServer under test."""
    async with lab.start(websocket.EchoServer(max_size=LARGE, compression="deflate", keepalive=None), tap=False) as server:
        try:
            return await kosoku.run_fuzzingclient(server.url, cases)
        except FailureError as failure:
            return list(failure.results)


async def against_client(cases: Sequence[str]) -> list[kosoku._kosoku.CaseResult]:
    """The same with websocket.connect under test, in an echo loop."""
    extensions = [OFFER_ALL] if all(case.startswith("13.") for case in cases) else None
    async with kosoku.run_fuzzingserver(cases, port=0) as suite:
        url = f"ws://127.0.0.1:{suite.port}"
        async with websocket.connect(f"{url}/getCaseCount") as connection:
            count = int(await connection.recv())
        for case in range(1, count + 1):
            try:
                async with websocket.connect(
                    f"{url}/runCase?case={case}&agent=protolab",
                    max_size=LARGE,
                    compression="deflate",
                    extensions=extensions,
                    ping_interval=None,
                ) as connection:
                    while True:
                        await connection.send(await receive(connection))
            except ConnectionClosed:
                pass  # every case ends so; whether as it should is for the suite to say
        async with websocket.connect(f"{url}/updateReports?agent=protolab"):
            pass
        try:
            return await asyncio.wait_for(suite.get_result(), PATIENCE)
        except FailureError as failure:
            return list(failure.results)


SIDES = {"server": against_server, "client": against_client}


def failures(results: Sequence[kosoku._kosoku.CaseResult]) -> list[str]:
    """A line for each case that did not pass. OK and NON-STRICT move with timing, so passed is all that is asked."""
    return [
        f"{one.case_id}: {one.behavior.value}, {one.behavior_close.value}: {one.expectation} {one.result} {one.result_close}"
        for one in results
        if not one.passed
    ]


def main(sides: Sequence[str], families: Sequence[str]) -> int:
    """Run and print; returns how many cases did not pass."""
    failed = 0
    for side in sides:
        for family in families:
            results = asyncio.run(SIDES[side]([family]))
            kinds = Counter(result.behavior.value for result in results)
            passed = sum(result.passed for result in results)
            print(f"{side} {family}: {passed} of {len(results)} pass", dict(kinds), *failures(results), sep="\n  ", flush=True)
            failed += len(results) - passed
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:2] or list(SIDES), sys.argv[2:] or FAMILIES) > 0)

"""The Autobahn families that take seconds: framing, pings, reserved bits and opcodes, fragments, closing, auto-fragmentation.

UTF-8 (6), limits (9) and compression (12, 13) pass as well, in minutes: `python -m tests.protocols.websocket.autobahn`.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.protocols.websocket.autobahn import SIDES, failures

pytestmark = pytest.mark.live
QUICK = ["1.1.*", "2.*", "3.*", "4.*", "5.*", "7.1.*", "7.3.*", "7.5.*", "10.*"]


@pytest.mark.parametrize("side", SIDES)
def test_every_quick_case_passes(side: str) -> None:
    results = asyncio.run(SIDES[side](QUICK))
    assert len(results) == 70
    assert failures(results) == []

"""The public audits of GraphQL over HTTP, npm `graphql-http`. They test the profile "2023"; the draft has test_profiles."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from tests.npm import installed
from tests.protocols.graphql.wire import serving
from tests.tools import need

_SCRIPT = Path(__file__).with_name("audits.js")


def test_every_audit_is_ok_under_the_profile_2023() -> None:
    environment = {**os.environ, "NODE_PATH": str(installed("graphql-http@1.23", "graphql@16") / "node_modules")}

    async def audit() -> bytes:
        async with serving(profile="2023") as served, asyncio.timeout(60):
            node = await asyncio.create_subprocess_exec(
                need("node"),
                str(_SCRIPT),
                f"http://127.0.0.1:{served.port}/graphql",
                env=environment,
                stdout=asyncio.subprocess.PIPE,
            )
            said, _ = await node.communicate()
            return said

    audits = json.loads(asyncio.run(audit()))
    assert len(audits) == 61
    assert [audit for audit in audits if audit["status"] != "ok"] == []

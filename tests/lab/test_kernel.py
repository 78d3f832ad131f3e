"""The lab in a real kernel: rerun, blocked, interrupted, restarted and shut down, it leaves nothing behind."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
from websockets.sync.client import connect

from tests.lab.kernels import Kernel, bell, refused

pytestmark = pytest.mark.live
START = "server = lab.start(websocket.EchoServer())"
TALK = """
async def talk(text="Hello"):
    async with websocket.connect(server.url) as connection:
        await connection.send(text)
        return await connection.recv()
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    kernel.run(TALK)
    yield kernel
    kernel.close()


def test_an_error_of_the_lab_says_what_is_wrong_and_what_to_do_and_shows_no_traceback(kernel: Kernel) -> None:
    reply = kernel.finish(kernel.begin("from protolab import scenes; scenes.recording('websocket/helo')"))
    what, todo = reply["traceback"]
    assert what.startswith("LabError: ") and "websocket/hello" in todo


def test_a_start_cell_run_four_times_leaves_one_server_and_one_thread(kernel: Kernel) -> None:
    for _ in range(4):
        kernel.run(START)
        assert kernel.run("connection = await websocket.connect(server.url)") == ""  # left open, as learners do
    assert len(kernel.ports() - kernel.own_ports) == 2  # the server's and its tap's
    names = json.loads(kernel.run("import json; print(json.dumps([one.name for one in threading.enumerate()]))"))
    assert names.count("protolab lab") == 1
    assert kernel.run("len(lab.servers()), await talk()") == "(1, 'Hello')"


def test_a_rerun_with_a_changed_class_replaces_the_server_too(kernel: Kernel) -> None:
    for number in range(2):
        kernel.run(f"class Mine(websocket.EchoServer):\n    version = {number}\nserver = lab.start(Mine())")
    assert kernel.run("[one.server.version for one in lab.servers()], await talk()") == "([1], 'Hello')"
    assert len(kernel.ports() - kernel.own_ports) == 2


def test_after_top_level_await_the_capture_has_everything(kernel: Kernel) -> None:
    kernel.run(START)
    assert kernel.run("await talk(); [end.how for end in server.capture[0].ends]") == "['FIN', 'FIN']"


def test_a_cell_that_blocks_freezes_no_server(kernel: Kernel) -> None:
    kernel.run(START)
    url = kernel.run("print(server.url)").strip()
    with bell() as (ring, listener), connect(url, proxy=None) as client:
        cell = kernel.begin(f"{ring}.recv(1)")
        with listener.accept()[0]:  # the kernel's main thread is blocked in recv now
            for number in range(20):
                client.send(str(number))
                assert client.recv(timeout=10) == str(number)
        assert kernel.finish(cell)["status"] == "ok"
    assert kernel.run("len(server.capture)") == "1"


def test_an_interrupt_of_lab_run_cancels_the_coroutine_and_no_server(kernel: Kernel) -> None:
    kernel.run(START)
    with bell() as (ring, listener):
        kernel.run(
            f"async def wait():\n    try:\n        {ring}\n        await asyncio.Event().wait()\n"
            "    finally:\n        await talk()\n        ended.append(asyncio.current_task().cancelling())\nended = []"
        )
        cell = kernel.begin("lab.run(wait())")
        listener.accept()[0].close()
        kernel.manager.interrupt_kernel()
        reply = kernel.finish(cell)
    assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
    assert kernel.run("ended, await talk(), lab.run(talk())") == "([1], 'Hello', 'Hello')"


def test_an_interrupt_of_a_top_level_await_leaves_the_servers_running(kernel: Kernel) -> None:
    kernel.run(START)
    with bell() as (ring, listener):
        cell = kernel.begin(f"{ring}\nconnection = await websocket.connect(server.url)\nawait connection.recv()")
        listener.accept()[0].close()
        kernel.manager.interrupt_kernel()
        kernel.client.kernel_info()  # an idle loop sees the interrupt with the next message: ipykernel issue 881
        reply = kernel.finish(cell)
    assert reply["status"] == "error"
    assert kernel.run("await talk()") == "'Hello'"


def test_nothing_is_ever_printed_from_the_labs_thread(kernel: Kernel) -> None:
    kernel.run(
        "class Broken(websocket.EchoServer):\n    name = 'broken'\n    async def _echo(self, connection):\n        1 / 0\n"
        "broken = lab.start(Broken())"
    )
    before = kernel.said
    kernel.run(
        "async with websocket.connect(broken.url) as connection:\n    await connection.wait_closed()\n"
        "rude = await websocket.connect(server.url)\nrude.transport.abort()\nbroken.settle()\nbroken.stop()"
    )
    assert kernel.said == before
    assert "ZeroDivisionError" in kernel.run("print(broken.log)")


def test_asyncio_run_works_in_a_cell_only_once_the_extension_is_loaded(kernel: Kernel) -> None:
    kernel.run(START)
    failing = "try:\n    asyncio.run(talk())\nexcept RuntimeError as error:\n    print(error)"
    kernel.run("import warnings; warnings.simplefilter('ignore', RuntimeWarning)")  # talk() was never awaited
    assert "cannot be called from a running event loop" in kernel.run(failing)
    kernel.run("%load_ext protolab")
    assert kernel.run("asyncio.run(talk())") == "'Hello'"
    assert kernel.run("import sys\n'nest_asyncio2' in sys.modules, await talk(), lab.run(talk())") == (
        "(True, 'Hello', 'Hello')"
    )
    kernel.run(START)
    assert kernel.run("asyncio.run(talk()), [end.how for end in server.capture[0].ends]") == "('Hello', ['FIN', 'FIN'])"


def test_restart_and_exit_leave_no_port_thread_or_child() -> None:
    kernel = Kernel()
    try:
        for ending in ("restart", "exit"):
            kernel.run(START)
            url = kernel.run("print(server.url)").strip()
            assert kernel.process.children(recursive=True) == []
            process = kernel.process
            with connect(url, proxy=None) as client:
                waiting = threading.Thread(target=lambda open: list(open), args=[client])
                waiting.start()
                kernel.client.stop_channels()
                if ending == "restart":
                    kernel.manager.restart_kernel(now=False)
                    kernel.ready()
                else:
                    kernel.manager.shutdown_kernel(now=False)
                waiting.join(30)
                assert client.close_code == 1001
            assert not process.is_running()
            assert refused(url)
    finally:
        kernel.close()

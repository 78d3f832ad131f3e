"""`protolab show`."""

from __future__ import annotations

import base64
import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolab import lab, websocket
from protolab.capture import files
from protolab.terminal.show import bytes_of
from tests.terminal.typed import typed
from tests.tools import need

HELLO = b"\x81\x05Hello"  # RFC 6455 section 5.7, an unmasked text message
MASKED = bytes.fromhex("818537fa213d7f9f4d5158")  # the same, masked


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A saved capture of a real conversation."""

    async def talk(url):
        async with websocket.connect(url) as connection:
            await connection.send("Hello")
            await connection.recv()

    path = tmp_path_factory.mktemp("captures") / "hello.jsonl"
    with lab.start(websocket.EchoServer()) as server:
        lab.run(talk(server.url))
        files.save(server.capture, path)
    return path


@given(st.binary(min_size=1, max_size=60))
def test_hex_in_any_dress_is_read(data):
    for text in (
        data.hex(),
        data.hex(" "),
        data.hex(":"),
        "0x" + data.hex(),
        "".join(f"\\x{byte:02x}" for byte in data),
    ):
        assert bytes_of(text) == (data, "hex")


@given(st.binary(min_size=1, max_size=60))
def test_base64_is_read_in_both_alphabets(data):
    for text in (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()):
        if (found := bytes_of(text)) and found[1] == "base64":
            assert found[0] == data
        else:
            assert text == text.lower() or found[1] == "hex"  # a word, or hex that could be either


@pytest.mark.parametrize("arguments", [["-c", "16"], ["-g", "1"], ["-c", "7"]])
@given(data=st.binary(min_size=1, max_size=60))
def test_a_dump_by_xxd_is_read_whatever_the_text_beside_it(arguments, data):
    rows = []
    width = 7 if arguments == ["-c", "7"] else 16
    group = 1 if arguments[0] == "-g" else 2
    for at in range(0, len(data), width):
        row = data[at : at + width]
        pairs = " ".join(row[i : i + group].hex() for i in range(0, len(row), group))
        rows.append(f"{at:08x}: {pairs:<48}  {''.join(chr(b) if 32 <= b < 127 else '.' for b in row)}")
    assert bytes_of("\n".join(rows)) == (data, "a hex dump")


@given(data=st.binary(min_size=17, max_size=60))
def test_a_dump_by_hexdump_is_read(data):
    rows = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        pairs = " ".join(f"{byte:02x}" for byte in row[:8]) + "  " + " ".join(f"{byte:02x}" for byte in row[8:])
        rows.append(f"{at:08x}  {pairs:<49} |{''.join(chr(b) if 32 <= b < 127 else '.' for b in row)}|")
    assert bytes_of("\n".join([*rows, f"{len(data):08x}"])) == (data, "a hex dump")


@pytest.mark.parametrize(
    "arguments", [[HELLO.hex()], ["81", "05", "48", "65", "6c", "6c", "6f"], [base64.b64encode(HELLO).decode()]]
)
def test_bytes_as_an_argument_are_explained(arguments):
    result = typed("show", *arguments)
    assert result.exit_code == 0
    assert result.stdout.startswith("7 bytes, read as ")
    assert 'text "Hello"' in result.stdout and "payload length  5" in result.stdout


@pytest.mark.parametrize("content", [HELLO, HELLO.hex().encode(), b"00000000: 8105 4865 6c6c 6f    ..Hello\n"])
def test_the_same_bytes_from_a_file_and_from_standard_input(tmp_path, content):
    path = tmp_path / "bytes"
    path.write_bytes(content)
    from_file = typed("show", str(path)).stdout
    assert 'text "Hello"' in from_file
    assert typed("show", stdin=content).stdout == from_file
    assert typed("show", "-", stdin=content).stdout == from_file


def test_the_mask_bit_tells_who_said_it_and_side_overrules():
    assert "from client to server" in typed("show", MASKED.hex()).stdout
    assert "from server to client" in typed("show", HELLO.hex()).stdout
    overruled = typed("show", HELLO.hex(), "--side", "client").stdout
    assert "from client to server" in overruled and "! " in overruled  # an unmasked frame from a client breaks a rule


def test_a_request_is_recognised_and_a_protocol_can_be_named():
    request = b"GET / HTTP/1.1\r\nHost: lab.local\r\n\r\n"
    assert "http request head" in typed("show", stdin=request).stdout
    assert "tcp bytes" in typed("show", "--as", "tcp", stdin=request).stdout


@pytest.mark.parametrize(("data", "guess"), [(b"nothing that anybody says", True), (b"\x87\x00", True), (HELLO, False)])
def test_a_guess_is_called_one(data, guess):
    assert ("is a guess: --as" in typed("show", stdin=data).stdout) is guess
    assert "is a guess: --as" not in typed("show", "--as", "tcp", stdin=data).stdout


def test_a_file_of_packets_is_refused_with_a_remedy():
    result = typed("show", stdin=bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    assert result.exit_code == 1
    assert "standard input is a pcap file" in result.stderr and "Wireshark" in result.stderr


def test_a_saved_capture_is_a_ladder_and_its_units_explained(saved):
    result = typed("show", str(saved))
    assert result.stdout.startswith("capture echo: 1 connection, 6 units, ")
    assert result.stdout.count("\nunit ") == 6
    assert typed("show", stdin=saved.read_bytes()).stdout == result.stdout


def test_many_units_are_a_ladder_until_all_are_asked_for(tmp_path):
    frames = HELLO * 40
    path = tmp_path / "frames"
    path.write_bytes(frames)
    brief, whole = typed("show", str(path)), typed("show", str(path), "--all")
    assert "unit 0:" not in brief.stdout and "--unit NUMBER" in brief.stdout
    assert whole.stdout.count("\nunit ") == 40


def test_one_unit_by_number_with_its_picture(saved):
    result = typed("show", str(saved), "--unit", "3", "--picture")
    assert result.stdout.startswith('unit 3: text "Hello"')
    assert "+-+-+-+-+-------+" in result.stdout
    assert "Switching Protocols" not in result.stdout


def test_json_is_one_object_a_line_with_every_byte(saved):
    units = [json.loads(line) for line in typed("show", str(saved), "--json").stdout.splitlines()]
    assert [unit["number"] for unit in units] == list(range(6))
    capture = files.load(saved)
    for side in ("client", "server"):
        said = "".join(unit["bytes"]["hex"] for unit in units if unit["side"] == side)
        assert bytes.fromhex(said) == capture[0].read(0 if side == "client" else 1)
    assert all(unit["connection"] == 1 and unit["at"] >= 0 for unit in units)


def test_json_of_large_payloads_is_not_cut():
    payload = bytes(100_000)
    frame = b"\x82\x7f" + len(payload).to_bytes(8, "big") + payload
    (unit,) = map(json.loads, typed("show", "--json", stdin=frame).stdout.splitlines())
    assert unit["bytes"]["hex"] == frame.hex()


@pytest.mark.parametrize(
    ("arguments", "stdin", "problem"),
    [
        (["nofile"], None, "no file here"),
        (["no/such/file.jsonl"], None, "no file here"),
        (["x" * 5000], None, "no file here"),
        (["8"], None, "no file here"),
        ([], b"", "nothing in standard input"),
        ([HELLO.hex(), "--as", "gopher"], None, "no protocol called gopher"),
        ([HELLO.hex(), "--unit", "5"], None, "no unit 5"),
        ([HELLO.hex(), "--unit", "-1"], None, "no unit -1"),
        ([], b'{"protolab": "capture"', "standard input, line 1"),
        ([], b"\x0a\x0d\x0d\x0a" + bytes(28), "pcapng"),
    ],
)
def test_what_cannot_be_shown_is_said_with_a_remedy(arguments, stdin, problem):
    result = typed("show", *arguments, stdin=stdin)
    assert result.exit_code == 1
    said, remedy = result.stderr.splitlines()
    assert problem in said and remedy


def test_a_dump_by_the_real_xxd_is_read():
    dump = subprocess.run([need("xxd")], input=MASKED, capture_output=True, check=True, timeout=60).stdout
    assert 'text "Hello"' in typed("show", stdin=dump).stdout

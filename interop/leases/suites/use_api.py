"""Upstream's Python API on whatever exporter of a lab it is told to use; run by upstream's interpreter.

``python use_api.py SELECTOR LAYOUT FOLDER``, where the layout is ``board`` (a virtual board) or ``bench`` (the drivers
of ``interop/exporters.py``). It prints what it has seen as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from datetime import timedelta
from pathlib import Path

from jumpstarter.client.core import DriverInvalidArgument
from jumpstarter.config.client import ClientConfigV1Alpha1


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def use_board(client, image: Path, back: Path) -> dict:
    client.power.on()
    with client.console.pexpect() as console:
        console.expect("Hit any key", timeout=20)
        console.send("\n")
        console.expect("=> ", timeout=20)
    client.power.off()
    client.storage.flash(str(image))
    client.storage.dump(str(back))
    return {"children": sorted(client.children)}


def use_bench(client, image: Path, back: Path) -> dict:
    client.power.on()
    readings = [(one.voltage, one.current) for one in client.power.read()]
    with client.echo.stream() as stream:
        stream.send(b"there and")
        answer = stream.receive()
        stream.send(b" back")
        answer += stream.receive()
    same = client.faults.call("same", {"list": [1, 2.5, None], "text": "Grüße"})
    numbers = []
    try:
        for number in client.faults.streamingcall("fail_after", 3, "ValueError", "the end"):
            numbers.append(number)
    except DriverInvalidArgument as error:
        numbers.append(type(error).__name__)
    client.flasher.flash(str(image))
    client.flasher.dump(str(back))
    return {"readings": readings, "answer": answer.decode(), "same": same, "numbers": numbers}


def main(selector: str, layout: str, folder: Path) -> dict:
    image, back = folder / "image.bin", folder / "back.bin"
    image.write_bytes(os.urandom(4_000_037))
    config = ClientConfigV1Alpha1.load("tester")
    seen = {"exporter": [one.name for one in config.list_exporters(filter=selector).exporters]}
    with config.lease(selector=selector, duration=timedelta(minutes=5)) as lease:
        seen["lease"] = lease.name
        with lease.connect() as client:
            seen["used"] = {"board": use_board, "bench": use_bench}[layout](client, image, back)
        # A second connection through the same lease.
        with lease.connect() as client:
            seen["again"] = sorted(client.children)
    seen["same image"] = digest(image) == digest(back)
    seen["pages"] = sorted(one.name for one in config.list_exporters(page_size=1).exporters)
    seen["leases"] = [one.name for one in config.list_leases(only_active=False, page_size=1).leases]
    before = config.token
    config.rotate_token()
    seen["token rotated"] = config.token != before
    return seen


if __name__ == "__main__":
    sys.stdout.write(f"{json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))}\n")

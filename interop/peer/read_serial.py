"""Read a serial port with upstream's client, and type on it: ``read_serial.py SIZE [TEXT]``.

Prints a line when the stream is open, and the SHA-256 of that many bytes in the end.
"""

import hashlib
import sys

from jumpstarter.utils.env import env

size, typed = int(sys.argv[1]), sys.argv[2:]
with env() as client, client.serial.stream() as stream:
    sys.stdout.write("open\n")
    sys.stdout.flush()
    for text in typed:
        stream.send(text.encode())
    data = b""
    while len(data) < size:
        data += stream.receive()
    sys.stdout.write(f"{hashlib.sha256(data).hexdigest()}\n")

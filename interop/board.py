"""Something behind a serial port, in a process of its own: ``python board.py shell|echo``.

The first line on standard output is the port, a pseudo terminal. Behind it is a real shell after a login prompt
(user ``root``, password ``secret``), or an echo of every byte. It ends when standard input does.
"""

from __future__ import annotations

import os
import pty
import select
import sys
import tty

LOGIN = """
while :; do
    printf 'interop login: '
    IFS= read -r user || exit
    [ -n "$user" ] || continue
    printf 'Password: '
    stty -echo; IFS= read -r password; stty echo; echo
    if [ "$user" = root ] && [ "$password" = secret ]; then
        echo 'Welcome to the interop board'
        PS1='board:~# ' HOME=/ ENV= TERM=dumb sh -i
    else
        echo 'Login incorrect'
    fi
done
"""


def main() -> None:
    """Make the port, say where it is, and serve it."""
    wire, port = pty.openpty()
    # Kept open and raw: the far side must not see a hang-up, nor its own output echoed, while nobody has the port open.
    tty.setraw(port)
    far = _fork_shell() if sys.argv[1] == "shell" else wire
    sys.stdout.write(f"{os.ttyname(port)}\n")
    sys.stdout.flush()
    _copy(wire, far)


def _fork_shell() -> int:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("sh", ["sh", "-c", LOGIN])
    return terminal


def _copy(wire: int, far: int) -> None:
    """Copy both ways until standard input ends."""
    ends = {wire: far, far: wire}
    while True:
        ready, _, _ = select.select([0, *ends], [], [])
        if 0 in ready and not os.read(0, 1024):
            return
        for end in ends.keys() & ready:
            data = os.read(end, 4096)
            while data:
                data = data[os.write(ends[end], data) :]


if __name__ == "__main__":
    main()

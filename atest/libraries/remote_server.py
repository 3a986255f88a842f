"""Serve JumpstarterLibrary by Robot Framework's Remote protocol, until standard input is closed.

python remote_server.py PORT_FILE [IMPORT_ARGUMENT=VALUE ...]
"""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from pathlib import Path
from typing import Any
from xmlrpc.server import SimpleXMLRPCServer

from JumpstarterLibrary import JumpstarterLibrary
from JumpstarterLibrary.errors import JumpstarterError


class Calls:
    """The calls of a Remote server. XML-RPC carries neither None nor objects."""

    def __init__(self, library: JumpstarterLibrary) -> None:
        self.get_keyword_names = library.get_keyword_names
        self.get_keyword_arguments = library.get_keyword_arguments
        self.get_keyword_documentation = library.get_keyword_documentation
        self._library = library

    def run_keyword(self, name: str, args: list[Any], kwargs: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run a keyword, and return its result, its error and what it has written."""
        answer: dict[str, Any] = {"status": "PASS"}
        with contextlib.redirect_stdout(io.StringIO()) as output:
            try:
                value = self._library.run_keyword(name, args, kwargs)
                answer |= {} if value is None else {"return": value}
            except (JumpstarterError, ValueError) as error:  # the latter is of Robot Framework's conversion
                answer |= {"status": "FAIL", "error": str(error)}
        return answer | {"output": output.getvalue()}


def main(port_file: str, *options: str) -> None:
    """Serve on a free port of the loopback interface, which is written to a file, until standard input is closed."""
    library = JumpstarterLibrary(**dict(option.split("=", 1) for option in options))
    with SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False) as server:
        server.register_instance(Calls(library))
        Path(port_file).write_text(str(server.server_address[1]), encoding="utf-8")
        threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])

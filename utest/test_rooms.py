"""Which room may import what: the table of the design, held by reading every import statement."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from pytest_jumpstarter.upstream_api.names import NAMES

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "JumpstarterLibrary"
SHIM = ROOT / "shim" / "pytest_jumpstarter"

ANYTHING = frozenset({"*"})


@dataclass(frozen=True)
class Room:
    """What a room may import.

    Attributes:
        rooms: Of ours, beside itself; ``room.module`` is one module of a room.
        packages: Of others, beside the standard library; ``*`` stands for all that are not forbidden.
        never: Of others, whatever ``packages`` says.
    """

    rooms: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


TABLE = {
    "types": Room(),
    "hints": Room(),
    "printable": Room(),
    "errors": Room(_set("hints printable")),
    "version": Room(),
    "__init__": Room(_set("library version")),
    "common": Room(_set("types errors hints printable"), _set("yaml")),
    "protocol": Room(packages=_set("google grpc")),
    "client": Room(
        _set("common types errors hints printable protocol version"), _set("google grpc pexpect ahocorasick_rs")
    ),
    "exporter": Room(_set("common types errors printable protocol version"), _set("google grpc")),
    "lab": Room(
        _set("common exporter protocol types errors printable version"),
        _set("google grpc yaml cryptography jwt"),
    ),
    "keywords": Room(
        _set("client common types errors hints printable version reporting.html"), ANYTHING, _set("grpc google")
    ),
    "reporting": Room(_set("client common types errors hints printable version"), ANYTHING, _set("grpc google")),
    "library": Room(
        _set("keywords reporting client lab common types errors hints printable version"), ANYTHING, _set("grpc google")
    ),
    "shim": Room(
        _set("client exporter lab common types errors hints printable version"), ANYTHING, _set("robot grpc google")
    ),
}


def room_of(path: Path) -> str:
    """Return the room that a file is in."""
    if path.is_relative_to(SHIM):
        return "shim"
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def files() -> Iterator[Path]:
    """Yield every module of the package and of the shim."""
    for root in (LIBRARY, SHIM):
        yield from sorted(root.rglob("*.py"))


@dataclass(frozen=True)
class Module:
    """A file of source code, read once for all tests.

    Attributes:
        body: The statements at its top.
        nodes: Its nodes of the kinds that are looked at, wherever they are.
    """

    body: tuple[ast.stmt, ...]
    nodes: tuple[ast.AST, ...]


LOOKED_AT = (
    ast.Import,
    ast.ImportFrom,
    ast.Attribute,
    ast.Expr,
    ast.Constant,
    ast.ClassDef,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
)


@cache
def parsed(path: Path) -> Module:
    """Return what a file says."""
    tree = ast.parse(path.read_text())
    return Module(tuple(tree.body), tuple(node for node in ast.walk(tree) if isinstance(node, LOOKED_AT)))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and full name of everything that a file imports, wherever in it."""
    for node in parsed(path).nodes:
        match node:
            case ast.Import():
                yield from ((node.lineno, alias.name) for alias in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                # `from JumpstarterLibrary import client` names a room, too.
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def foreign(path: Path, name: str) -> str | None:
    """Return what is wrong with an import; None if nothing is."""
    room = TABLE[room_of(path)]
    package, *rest = name.split(".")
    if package == "pytest_jumpstarter":
        return None if room_of(path) == "shim" else name
    if package == "JumpstarterLibrary":
        target = rest[0] if rest else ""
        allowed = target == room_of(path) or target in room.rooms or ".".join(rest[:2]) in room.rooms
        return None if allowed else name
    if package in sys.stdlib_module_names:
        return None
    allowed = package in room.packages or (room.packages == ANYTHING and package not in room.never)
    return None if allowed else name


def test_every_import_is_allowed() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files()
        for line, name in imports(path)
        if foreign(path, name)
    ]
    assert found == []


def test_upstreams_names_lead_only_to_rooms_that_the_shim_may_import() -> None:
    homes = {row for row in NAMES.values() if isinstance(row, str)}
    homes |= {home for row in NAMES.values() if not isinstance(row, str) for home in row}
    assert [home for home in sorted(homes) if foreign(SHIM / "upstream_api" / "names.py", home)] == []


def test_every_room_is_in_the_table() -> None:
    assert {room_of(path) for path in files()} <= TABLE.keys()


def test_reporting_knows_only_the_events_of_the_client_and_their_formatter() -> None:
    known = ("JumpstarterLibrary.client.events.", "JumpstarterLibrary.client.devices.notices.")
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files()
        if room_of(path) == "reporting"
        for line, name in imports(path)
        if name.startswith("JumpstarterLibrary.client") and not f"{name}.".startswith(known)
    ]
    assert found == []


def test_the_library_class_imports_the_lab_only_where_it_needs_it() -> None:
    path = LIBRARY / "library.py"
    top_level = [
        name.name if isinstance(node, ast.Import) else str(node.module)
        for node in parsed(path).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    ]
    assert top_level
    assert [name for name in top_level if name.startswith("JumpstarterLibrary.lab")] == []


@pytest.mark.parametrize(
    ("path", "name", "allowed"),
    [
        (LIBRARY / "client" / "x.py", "JumpstarterLibrary.protocol.values.encode", True),
        (LIBRARY / "client" / "x.py", "JumpstarterLibrary.exporter", False),
        (LIBRARY / "client" / "x.py", "robot.api.logger", False),
        (LIBRARY / "client" / "x.py", "cryptography.x509", False),
        (LIBRARY / "protocol" / "x.py", "JumpstarterLibrary.types.Tls", False),
        (LIBRARY / "errors.py", "enum.Enum", True),
        (LIBRARY / "errors.py", "grpc", False),
        (LIBRARY / "keywords" / "x.py", "robot.api.deco.keyword", True),
        (LIBRARY / "keywords" / "x.py", "JumpstarterLibrary.protocol", False),
        (SHIM / "x.py", "robot", False),
        (SHIM / "x.py", "pytest_jumpstarter.x", True),
    ],
)
def test_the_test_finds_what_is_forbidden(path: Path, name: str, allowed: bool) -> None:
    assert (foreign(path, name) is None) is allowed


def test_importing_the_client_loads_nothing_else() -> None:
    script = (
        "import sys, JumpstarterLibrary.client\n"
        "heavy = ('robot', 'pytest', 'yaml', 'pexpect', 'cryptography')\n"
        "rooms = ('exporter', 'lab', 'keywords', 'reporting', 'library')\n"
        "print(*(name for name in heavy if name in sys.modules))\n"
        "print(*(name for name in rooms if f'JumpstarterLibrary.{name}' in sys.modules))\n"
    )
    python = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    assert python.stdout == "\n\n"


def test_importing_the_package_loads_nothing_at_all() -> None:
    script = (
        "import sys, JumpstarterLibrary\n"
        "print([name for name in sys.modules if name.startswith(('grpc', 'robot', 'google'))])\n"
    )
    python = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    assert python.stdout == "[]\n"


def module_of(path: Path) -> str:
    """Return the full name of a module."""
    parts = path.relative_to(LIBRARY.parent if path.is_relative_to(LIBRARY) else SHIM.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph() -> dict[str, set[str]]:
    """Return what each module imports of ours: at its top, inside functions, and for its types only."""
    modules = {module_of(path): path for path in files()}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        names = {name for _, name in imports(path)}
        # What is imported is a module, or a name in one.
        targets = {name if name in modules else name.rpartition(".")[0] for name in names}
        graph[module] = targets & modules.keys() - {module}
    return graph


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that reach each other by imports."""
    reached: dict[str, set[str]] = {}
    for module in graph:
        found: set[str] = set()
        ahead = set(graph[module])
        while ahead:
            found |= ahead
            ahead = {target for each in ahead for target in graph[each]} - found
        reached[module] = found
    groups = {frozenset(each for each in reached[module] if module in reached[each]) for module in graph}
    return sorted(sorted(group) for group in groups if group)


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert cycles(import_graph()) == []


def test_the_test_finds_cycles() -> None:
    graph = import_graph()
    assert "JumpstarterLibrary.client.link" in graph["JumpstarterLibrary.client.device"]
    assert "JumpstarterLibrary.errors" in graph["JumpstarterLibrary.client.link"]
    graph["JumpstarterLibrary.errors"].add("JumpstarterLibrary.client.link")
    (group,) = [group for group in cycles(graph) if "JumpstarterLibrary.errors" in group]
    assert "JumpstarterLibrary.client.link" in group
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "b"}}) == [["b", "c"]]


TIMELESS = (*(LIBRARY / room for room in ("client", "keywords", "reporting")), SHIM)
"""Rooms in which only ``client/clock.py`` reads monotonic time or waits with a limit."""


def _clock_reads(path: Path) -> list[str]:
    """Return the uses of ``time.monotonic`` and ``time.sleep`` in a module."""
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}: time.{node.attr}"
        for node in parsed(path).nodes
        if isinstance(node, ast.Attribute)
        and node.attr in ("monotonic", "sleep")
        and isinstance(node.value, ast.Name)
        and node.value.id == "time"
    ]


def test_time_is_read_from_the_clock_in_force() -> None:
    modules = [path for room in TIMELESS for path in room.rglob("*.py")]
    assert len(modules) > 100
    found = [read for path in modules for read in _clock_reads(path) if path != LIBRARY / "client" / "clock.py"]
    assert found == []


KEYWORDS = (ROOT / "utest" / "approved" / "keywords.txt").read_text()

OF_A_FACE = re.compile(
    r"(?<![\w.])(?:{arguments})=|\b(?:{keywords})\b|--jumpstarter-".format(
        arguments="|".join(sorted({*re.findall(r" \**([a-z]\w*): ", KEYWORDS)})),
        keywords="|".join(name for name in re.findall(r"^([^:]+):", KEYWORDS, re.MULTILINE) if " " in name),
    )
)
"""What only a face may say: the arguments and names of Robot's keywords, and the options of the pytest plugin."""

SAYS_ALL_THE_SAME = {
    "client/timing.py": "its fields are described there for the manual, with the keywords that they are for",
}


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and value of each string literal of a module that is no docstring."""
    nodes = parsed(path).nodes
    docs = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def test_the_core_names_nothing_of_a_face() -> None:
    modules = {
        path.relative_to(LIBRARY).as_posix(): path
        for room in ("client", "common")
        for path in (LIBRARY / room).rglob("*.py")
    }
    found = {
        f"{name}:{line}: {text}": name
        for name, path in modules.items()
        for line, text in _texts(path)
        if OF_A_FACE.search(text)
    }
    assert [text for text, name in found.items() if name not in SAYS_ALL_THE_SAME] == []
    assert {*found.values()} == SAYS_ALL_THE_SAME.keys(), "an exception that is needed no more"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (". Give it more time with timeout=.", True),
        ("verify=read_back", True),
        ("Try Log In To Console first.", True),
        ("use --jumpstarter-timeout", True),
        ("login_timeout=5 min", False),
        ("board=rpi4", False),
        ("the timeout is over", False),
    ],
)
def test_the_test_finds_what_is_of_a_face(text: str, found: bool) -> None:
    assert bool(OF_A_FACE.search(text)) is found


HOMONYMS = {
    "ByteStream": "the two ends of a byte stream",
    "ClientService": "the controller's service of that name, and upstream's client of it",
    "Clock": "one idea: the client's clock, the exporter's and the lab's",
    "Compression": "upstream's name, beside ours",
    "Console": "upstream's name, beside ours",
    "Controller": "a client's view of a controller, and an exporter's",
    "EndOfStream": "anyio's exception, for drivers and for clients",
    "EntryMode": "upstream's name, beside ours",
    "ExporterConfigV1Alpha1": "upstream's name, beside ours",
    "ExporterConfigV1Alpha1DriverInstance": "upstream's name, beside ours",
    "ExporterStatus": "upstream's name, beside ours",
    "FlasherInterface": "upstream's name, of drivers and of clients",
    "HookInstanceConfigV1Alpha1": "upstream's name, beside ours",
    "Lease": "upstream's names, beside ours",
    "Operator": "of selectors, and of U-Boot's expressions",
    "PexpectAdapter": "upstream's name, beside ours",
    "PowerReading": "upstream's name, beside ours",
    "Requirement": "of selectors, which client and lab parse each by itself, so that one finds the other's mistakes",
    "Selector": "likewise",
    "Session": "upstream's name, beside ours",
    "Tunnel": "the three roles at a tunnel",
}
"""Names of classes that more than one room has, with the reason."""


def test_a_class_name_means_one_thing_in_all_rooms() -> None:
    rooms: dict[str, set[str]] = {}
    for path in files():
        if "generated" not in path.parts:
            for node in parsed(path).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    rooms.setdefault(node.name, set()).add(room_of(path))
    assert {name for name, found in rooms.items() if len(found) > 1} == HOMONYMS.keys()
    assert len(HOMONYMS) <= 25


CONTEXT = (ROOT / "CONTEXT.md").read_text()


def table(header: str) -> list[list[str]]:
    """Return the cells of a table of the glossary, by the first cell of its header."""
    rows = re.search(rf"^\| {header} \|.*\n\|-.*\n((?:\|.*\n)+)", CONTEXT, re.MULTILINE)
    assert rows is not None
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1].splitlines()]


def avoided_words() -> dict[str, set[str]]:
    """Return the words that no name may contain, by room; ``""`` is every room."""
    bare = {word for row in table("word") for word in re.sub(r"[\w-]+ \([^)]*\)", "", row[2]).split(", ")} - {""}
    rooms = {row[0].strip("`"): {*row[1].split(", ")} for row in table("room")}
    return {"": {word.lower().strip(" ,") for word in bare if " " not in word} - {""}, **rooms}


def names_of(path: Path) -> Iterator[str]:
    """Yield the name of a module and of the classes and functions in it."""
    yield path.stem
    for node in parsed(path).nodes:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def words_of(name: str) -> set[str]:
    """Return the words of a name, in small letters."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def test_no_name_has_a_word_that_the_glossary_rules_out() -> None:
    avoided = avoided_words()
    assert {"reservation", "agent", "packet"} <= avoided[""]
    assert not avoided[""] & {"server", "ping", "password"}
    assert {*avoided} - {""} <= {room_of(path) for path in files()}
    found = [
        f"{path.relative_to(ROOT)}: {name} has '{word}'"
        for path in files()
        if "upstream_api" not in path.parts and "generated" not in path.parts
        for name in names_of(path)
        for word in words_of(name) & (avoided[""] | avoided.get(room_of(path), set()))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("HTTPServer", {"http", "server"}),
        ("_fake_lease2", {"fake", "lease"}),
        ("MockPower", {"mock", "power"}),
    ],
)
def test_the_test_finds_words_of_names(name: str, words: set[str]) -> None:
    assert words_of(name) == words


PRONOUNS = re.compile(r"\b(whoever|somebody|nobody|anybody|whatever|whom)\b", re.IGNORECASE)


def test_docstrings_and_comments_name_the_actor() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text.strip()[:80]}"
        for path in files()
        for line, text in prose_of(path)
        if PRONOUNS.search(text)
    ]
    assert found == []


def test_suites_and_documents_name_the_actor() -> None:
    suites = [path for folder in ("atest", "examples", "interop") for path in (ROOT / folder).rglob("*.r[eo][bs]o*")]
    documents = [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")]
    lines = [(path, line) for path in suites for line in path.read_text().splitlines() if _is_prose(line)]
    lines += [(path, line) for path in documents for line in path.read_text().splitlines()]
    # The virtual lab's other client has that name.
    found = [f"{path.name}: {line.strip()[:80]}" for path, line in lines if PRONOUNS.search(CLIENT.sub("", line))]
    assert found == []


CLIENT = re.compile(r"client=somebody|client, named somebody|PRONOUNS")


def _is_prose(line: str) -> bool:
    """Whether a line of a Robot suite is the name of a test or keyword, documentation or a comment."""
    return not line.startswith(" ") or "[Documentation]" in line or line.lstrip().startswith("#")


def prose_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of the docstrings of a file, and its comments where it has one of the pronouns."""
    for node in parsed(path).nodes:
        # A text that is a statement of its own documents something.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for number, text in enumerate(node.value.value.splitlines()):
                yield node.lineno + number, text
    source = path.read_text()
    # Finding the comments takes long; those of most files cannot have what is looked for.
    for token in tokenize.generate_tokens(io.StringIO(source).readline) if PRONOUNS.search(source) else ():
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_each_decision_has_a_number_of_its_own() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [int(path.name[:4]) for path in records]
    assert numbers == [*range(1, len(records) + 1)]
    assert [int(path.read_text().removeprefix("# ").partition(".")[0]) for path in records] == numbers


def test_a_package_that_lists_its_modules_lists_all_of_them() -> None:
    lists = {
        path: re.findall(r"^(\w+)  +\S", ast.get_docstring(ast.parse(path.read_text())) or "", re.MULTILINE)
        for path in files()
        if path.name == "__init__.py"
    }
    listed = {path: names for path, names in lists.items() if len(names) > 2}
    assert len(listed) >= 2
    for path, names in listed.items():
        there = {each.stem for each in path.parent.glob("*.py")} | {
            each.parent.name for each in path.parent.glob("*/__init__.py")
        }
        assert sorted(names) == sorted(there - {"__init__"}), path

"""Who may include whom: reads the table in docs/ARCHITECTURE.md and holds the tree against it.

The table is the only source of the rules. A row has three cells:

    | `core/client`, `core/broker` | protocol, base; broker also storage; never each other | - |

First the folders the row is about; then the layers they may include, where `X also Y` adds Y for X alone and `all of
core` means every layer; last the libraries from outside that they may use, by the names in LIBRARIES. What the row of
`core/base` may use from outside, every folder may. A word that the reader does not know is an error, so the table
cannot quietly lose its meaning. The last row draws the imports of the Python package with arrows.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Names of the table's third column, and the headers each stands for. `locks` are for what is called from several
# threads, `threads` for what starts them.
LOCKS = ("mutex", "shared_mutex", "condition_variable")
THREADS = ("thread", "future", "stop_token", "semaphore", "latch", "barrier", "pthread.h")
LIBRARIES: dict[str, tuple[str, ...]] = {
    "Boost.System": ("boost/system/",),
    "Boost.Histogram": ("boost/histogram/", "boost/histogram.hpp"),
    "nlohmann_json": ("nlohmann/",),
    "Asio": ("boost/asio/", "boost/asio.hpp"),
    "Beast": ("boost/beast/", "boost/beast.hpp"),
    "OpenSSL": ("openssl/",),
    "pybind11": ("pybind11/", "Python.h"),
    "locks": LOCKS,
    "threads": LOCKS + THREADS,
    "standard library": (),
}
# Who may talk to the operating system itself: sockets come with Asio, process limits and times with threads.
SYSTEM_GRANTED_BY = ("Asio", "threads")
SYSTEM_HEADERS = re.compile(r"(sys|netinet|arpa|net|linux)/|(unistd|fcntl|poll|netdb|pthread|sched|dlfcn|ifaddrs)\.h$")
# C headers with a C++ twin are as good as the standard library; so is any name without a dot or a slash.
STANDARD_HEADER = re.compile(
    r"[a-z_0-9]+$|(assert|errno|inttypes|limits|math|signal|stddef|stdint|stdio|stdlib|string|time)\.h$"
)
LINKED_AS = {
    "third_party_boost": "Boost.System",
    "third_party_nlohmann": "nlohmann_json",
    "OpenSSL::SSL": "OpenSSL",
    "OpenSSL::Crypto": "OpenSSL",
    "Threads::Threads": "threads",
    "pybind11::module": "pybind11",
    "pybind11::headers": "pybind11",
}

SOURCE_SUFFIXES = (".hpp", ".cpp", ".h", ".ipp")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# What a machine must not do by itself; time, threads and randomness are given to it.
IMPURE = re.compile(
    r"(?:steady|system|high_resolution)_clock::now|std::random_device|std::this_thread|std::j?thread\b|"
    r"\b(?:clock_gettime|gettimeofday|usleep|nanosleep|srand|rand)\s*\("
)

# The compiled module is raw: strings in, strings out. One module imports it, when it is first needed.
CORE_MODULE_USERS = ("engine",)
# Entry points stand above everything: they may import all, and only each other may import them.
ENTRY_POINTS = ("__init__", "__main__", "cli", "pytest_plugin")


class TableError(Exception):
    """The table says something that this reader does not understand."""


@dataclass
class Rules:
    """What the table allows: by folder, the layers and the libraries; for Python, the edges its arrows draw."""

    layers: dict[str, set[str]] = field(default_factory=dict)
    libraries: dict[str, set[str]] = field(default_factory=dict)
    arrows: list[tuple[str, str]] = field(default_factory=list)

    def may_link_or_include(self, folder: str, other: str) -> bool:
        return folder == other or other in self.layers[folder]

    def python_level(self, module: str) -> int:
        """Longest way down along the arrows; an import must lead to a lower level."""
        below = [target for source, target in self.arrows if source == module]
        return 1 + max(map(self.python_level, below)) if below else 0

    def python_modules(self) -> set[str]:
        return {name for arrow in self.arrows for name in arrow}


def parse_table(text: str) -> Rules:
    """Rules of the table under "Who may include whom" in the architecture page."""
    match = re.search(r"Who may include whom[^|]*?\n((?:\|[^\n]*\n?)+)", text)
    if not match:
        raise TableError("no table follows the words 'Who may include whom'")
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in match.group(1).splitlines()[2:]]
    rules = Rules()
    folders = {name for row in rows for name in _folders(row[0])}
    layers = {name.removeprefix("core/") for name in folders if name.startswith("core/")}
    for row in rows:
        if "→" in row[0]:
            rules.arrows += _arrows(row[0])
            continue
        if len(row) != 3 or not _folders(row[0]):
            raise TableError(f"a row needs folders, layers and libraries: {row}")
        for folder in _folders(row[0]):
            short = folder.removeprefix("core/")
            rules.layers[short] = _layers(row[1], short, layers)
            rules.libraries[short] = _libraries(row[2])
    if "base" not in rules.layers:
        raise TableError("the table has no row for core/base")
    for libraries in rules.libraries.values():
        libraries |= rules.libraries["base"]
    return rules


def _folders(cell: str) -> list[str]:
    return re.findall(r"`((?:core|python)/\w+)`", cell)


def _arrows(cell: str) -> list[tuple[str, str]]:
    arrows = []
    for chain in cell.split(";"):
        steps = [
            [name.removeprefix("mqtt_sim.") for name in re.findall(r"`([\w.]+)`", step)] for step in chain.split("→")
        ]
        if not all(steps):
            raise TableError(f"an arrow without a module in backquotes: {chain.strip()}")
        for sources, targets in itertools.pairwise(steps):
            arrows += [(source, target) for source in sources for target in targets]
    return arrows


def _layers(cell: str, folder: str, known: set[str]) -> set[str]:
    allowed: set[str] = set()
    for clause in cell.split(";"):
        clause = clause.strip().replace("`", "")
        if clause in ("–", "-", "", "never each other"):
            continue
        if clause == "all of core":
            allowed |= known
            continue
        exception = re.fullmatch(r"(\w+) also (.+)", clause)
        names = [name.strip() for name in (exception.group(2) if exception else clause).split(",")]
        if unknown := [name for name in names if name not in known]:
            raise TableError(f"the row of {folder} names layers that have no row: {', '.join(unknown)}")
        if not exception or exception.group(1) == folder:
            allowed |= set(names)
    return allowed - {folder}


def _libraries(cell: str) -> set[str]:
    named: set[str] = set()
    for part in re.split(r"[;,]", re.sub(r"\([^)]*\)", "", cell)):
        name = part.strip().replace("`", "")
        # The one library of a store is no rule of this table: it shows in that store's file.
        if name in ("–", "-", "") or name.startswith(("the store's own", "in that store's")):
            continue
        if name not in LIBRARIES:
            raise TableError(f"unknown library '{name}'; known are {', '.join(sorted(LIBRARIES))}")
        named.add(name)
    return named


# ---- C++


def cpp_violations(root: Path, rules: Rules) -> list[str]:
    """Every `#include` of core/ and python/bindings that the table does not allow, every impure call in a machine."""
    found = []
    for path in _cpp_files(root):
        relative = path.relative_to(root)
        folder = "python/bindings" if relative.parts[0] == "python" else relative.parts[1]
        where = relative.as_posix()
        if len(relative.parts) < 3 or folder not in rules.layers:
            found.append(f"{where}: lies in no folder of the table")
            continue
        for number, line in enumerate(_without_comments(path.read_text(encoding="utf-8")).splitlines(), 1):
            if include := INCLUDE.match(line):
                problem = _include_problem(root, rules, folder, quoted=include[1] == '"', header=include[2])
            elif IMPURE.search(line) and not _may_use_system(rules, folder):
                problem = (
                    f"calls {IMPURE.search(line)[0]}; time, threads and randomness are given to {folder}, not taken"  # type: ignore[index]
                )
            else:
                continue
            if problem:
                found.append(f"{where}:{number}: {problem}")
    return found


def _cpp_files(root: Path) -> list[Path]:
    bases = (root / "core", root / "python" / "bindings")
    return sorted(path for base in bases for path in base.rglob("*") if path.suffix in SOURCE_SUFFIXES)


def _without_comments(text: str) -> str:
    """Blanks comments, keeping line numbers. A string with `//` loses its rest, which hides nothing we look for."""
    text = re.sub(r"/\*.*?\*/", lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL)
    return re.sub(r"//.*", "", text)


def _may_use_system(rules: Rules, folder: str) -> bool:
    return any(library in rules.libraries[folder] for library in SYSTEM_GRANTED_BY)


def _include_problem(root: Path, rules: Rules, folder: str, *, quoted: bool, header: str) -> str | None:
    if quoted:
        return _own_header_problem(root, rules, folder, header)
    granted = rules.libraries[folder]
    if any(
        header.startswith(prefix) if prefix.endswith("/") else header == prefix
        for name in granted
        for prefix in LIBRARIES[name]
    ):
        return None
    if SYSTEM_HEADERS.match(header):
        return None if _may_use_system(rules, folder) else f"<{header}>: {folder} may not talk to the operating system"
    if STANDARD_HEADER.match(header) and header not in LIBRARIES["threads"]:
        return None
    return f"<{header}>: {folder} may use {', '.join(sorted(granted)) or 'the standard library'} only"


def _own_header_problem(root: Path, rules: Rules, folder: str, header: str) -> str | None:
    if not (root / header).is_file():
        return f'"{header}" is no path from the repository root'
    parts = header.split("/")
    other = "python/bindings" if parts[:2] == ["python", "bindings"] else parts[1]
    if rules.may_link_or_include(folder, other):
        return None
    return f'"{header}": {folder} may include {", ".join(sorted(rules.layers[folder])) or "nothing"} only'


# ---- CMake


def cmake_violations(root: Path, rules: Rules) -> list[str]:
    """Link lists that say more than the table, and folders of core that have no library."""
    found = []
    declared: set[str] = set()
    text = re.sub(r"#.*", "", (root / "core/CMakeLists.txt").read_text(encoding="utf-8"))
    for call in re.findall(r"^\s*mqtt_sim_layer\(([^)]*)\)", text, re.MULTILINE):
        folder, *linked = call.split()
        declared.add(folder)
        found += [f"core/CMakeLists.txt: {problem}" for problem in _link_problems(rules, folder, linked)]
    for folder in sorted(path.name for path in (root / "core").iterdir() if path.is_dir()):
        if folder not in declared:
            found.append(f"core/CMakeLists.txt: core/{folder} has no mqtt_sim_layer line")
    return found


def _link_problems(rules: Rules, folder: str, linked: list[str]) -> Iterator[str]:
    if folder not in rules.layers:
        yield f"{folder} is no folder of the table"
        return
    for target in linked:
        if target.startswith("mqtt_sim_"):
            allowed = rules.may_link_or_include(folder, target.removeprefix("mqtt_sim_"))
        elif target == "Threads::Threads":
            allowed = _may_use_system(rules, folder)
        else:
            allowed = LINKED_AS.get(target) in rules.libraries[folder]
        if not allowed:
            yield f"{folder} may not link {target}"


# ---- Python


def python_violations(root: Path, rules: Rules) -> list[str]:
    """Imports in python/mqtt_sim that go up or in a circle, or reach for the compiled module past its one user."""
    package = root / "python/mqtt_sim"
    edges: dict[str, set[str]] = {}
    found = []
    for path in sorted(package.rglob("*.py")):
        source = path.relative_to(package).with_suffix("").parts[0]
        for number, imported in _own_imports(package, path):
            where = f"{path.relative_to(root).as_posix()}:{number}"
            if imported == "_core":
                if source not in CORE_MODULE_USERS:
                    found.append(f"{where}: {source} imports _core; that is for {', '.join(CORE_MODULE_USERS)} alone")
            elif imported != source:
                if problem := _import_problem(rules, source, imported):
                    found.append(f"{where}: {problem}")
                if source not in ENTRY_POINTS:
                    edges.setdefault(source, set()).add(imported)
    return found + [f"python/mqtt_sim: imports go in a circle: {' → '.join(circle)}" for circle in _circles(edges)]


def exists(package: Path, name: str) -> bool:
    """Whether `name` is a module or a package of ours, compiled ones aside."""
    return (package / f"{name}.py").is_file() or (package / name / "__init__.py").is_file()


def _own_imports(package: Path, path: Path) -> Iterator[tuple[int, str]]:
    """(line, first name below mqtt_sim) of each import of our own package, those for type checkers left out."""
    own = path.relative_to(package.parent).with_suffix("").parts
    here = own[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    skipped = {id(node) for guard in ast.walk(tree) if _is_type_checking(guard) for node in ast.walk(guard)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            targets = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else ()
            base += tuple((node.module or "").split(".")) if node.module else ()
            targets = [(*base, alias.name) for alias in node.names]
        else:
            continue
        for target in targets:
            if target[0] == "mqtt_sim" and len(target) > 1 and _is_module(package, target[1]):
                yield node.lineno, target[1]


def _is_module(package: Path, name: str) -> bool:
    return name == "_core" or exists(package, name)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _import_problem(rules: Rules, source: str, imported: str) -> str | None:
    if source in ENTRY_POINTS:
        return None
    if imported in ENTRY_POINTS:
        return f"{source} imports the entry point {imported}"
    named = rules.python_modules()
    if source in named and imported in named and rules.python_level(source) <= rules.python_level(imported):
        return f"{source} → {imported} goes against the arrows of the table"
    return None


def _circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """One circle for each module from which an import leads back to itself, shortest first; each circle once."""
    found: dict[frozenset[str], list[str]] = {}
    for start in sorted(edges):
        ways = [[start]]
        seen = {start}
        while ways:
            way = ways.pop(0)
            for following in sorted(edges.get(way[-1], ())):
                if following == start:
                    found.setdefault(frozenset(way), [*way, start])
                elif following not in seen:
                    seen.add(following)
                    ways.append([*way, following])
    return list(found.values())

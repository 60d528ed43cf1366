"""The dependency table of docs/ARCHITECTURE.md, executed; and proof that the checker sees what it should."""

from __future__ import annotations

from pathlib import Path

import layers
import pytest

TABLE = """
Who may include whom:

| Folder | may include | from outside |
|---|---|---|
| `core/base` | – | standard library, Boost.System |
| `core/protocol` | base | – |
| `core/client`, `core/broker` | protocol, base; broker also storage; never each other | – |
| `core/storage` | protocol, base | the store's own library, in that store's file only |
| `core/load` | client, protocol, base | nlohmann_json (Plan in) |
| `core/net` | base | Asio, Beast, OpenSSL |
| `core/sim` | base | locks |
| `core/engine` | all of core | threads, nlohmann_json |
| `python/bindings` | all of core | pybind11 |
| `mqtt_sim.cli` → `run` → `scenario`; `report`, `web` → `result` | as the arrows say | |

More text.
"""
RULES = layers.parse_table(TABLE)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


# ---- this repository


@pytest.fixture(scope="module")
def rules(repository: Path) -> layers.Rules:
    return layers.parse_table((repository / "docs/ARCHITECTURE.md").read_text(encoding="utf-8"))


def test_every_folder_of_core_has_a_row(repository: Path, rules: layers.Rules) -> None:
    folders = {path.name for path in (repository / "core").iterdir() if path.is_dir()}
    assert folders <= set(rules.layers)
    assert {"base", "protocol", "client", "broker", "storage", "net", "sim", "metrics", "load", "engine"} <= folders


def test_includes_follow_the_table(repository: Path, rules: layers.Rules) -> None:
    assert layers.cpp_violations(repository, rules) == []


def test_link_lists_follow_the_table(repository: Path, rules: layers.Rules) -> None:
    assert layers.cmake_violations(repository, rules) == []


def test_arrows_are_drawn_between_modules_that_exist(repository: Path, rules: layers.Rules) -> None:
    package = repository / "python/mqtt_sim"
    assert [name for name in sorted(rules.python_modules()) if not layers.exists(package, name)] == []


def test_python_imports_follow_the_arrows(repository: Path, rules: layers.Rules) -> None:
    assert layers.python_violations(repository, rules) == []


# ---- the reader of the table


def test_table_gives_layers_with_their_exceptions() -> None:
    assert RULES.layers["base"] == set()
    assert RULES.layers["client"] == {"protocol", "base"}
    assert RULES.layers["broker"] == {"protocol", "base", "storage"}
    assert RULES.layers["engine"] == {"base", "protocol", "client", "broker", "storage", "load", "net", "sim"}
    assert RULES.layers["python/bindings"] == RULES.layers["engine"] | {"engine"}


def test_table_gives_libraries_and_what_base_uses_to_all() -> None:
    assert RULES.libraries["protocol"] == {"standard library", "Boost.System"}
    assert RULES.libraries["load"] == {"standard library", "Boost.System", "nlohmann_json"}
    assert {"Asio", "Beast", "OpenSSL"} <= RULES.libraries["net"]


def test_table_gives_the_levels_of_python() -> None:
    assert [RULES.python_level(name) for name in ("cli", "run", "scenario", "report", "web", "result")] == [
        2,
        1,
        0,
        1,
        1,
        0,
    ]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("Who may include whom", "Something else", "no table"),
        ("| `core/protocol` | base | – |", "| `core/protocol` | bass | – |", "bass"),
        ("pybind11", "nanobind", "nanobind"),
        ("| `core/base` | – | standard library, Boost.System |\n", "", "base"),
        ("| `core/sim` | base | locks |", "| `core/sim` | base |", "needs folders"),
    ],
)
def test_table_that_is_not_understood_is_refused(old: str, new: str, complaint: str) -> None:
    assert old in TABLE
    with pytest.raises(layers.TableError, match=complaint):
        layers.parse_table(TABLE.replace(old, new))


# ---- C++

OWN_HEADERS = {
    f"core/{folder}/{name}.hpp": ""
    for folder, name in [
        ("base", "time"),
        ("protocol", "packet"),
        ("client", "client"),
        ("broker", "broker"),
        ("storage", "store"),
        ("net", "driver"),
        ("sim", "link"),
        ("load", "plan"),
        ("engine", "run"),
    ]
}


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("core/protocol/encode.cpp", '#include "core/base/time.hpp"'),
        ("core/broker/session.cpp", '#include "core/storage/store.hpp"'),
        ("core/engine/shard.cpp", '#include "core/net/driver.hpp"'),
        ("core/engine/shard.cpp", "#include <thread>"),
        ("core/engine/shard.cpp", "#include <sys/resource.h>"),
        ("core/net/loop.cpp", "#include <boost/asio/ip/tcp.hpp>"),
        ("core/net/loop.cpp", "auto now = std::chrono::steady_clock::now();"),
        ("core/load/plan.cpp", "#include <nlohmann/json.hpp>"),
        ("core/sim/clock.cpp", "#include <mutex>"),
        ("core/sim/clock.cpp", "// std::chrono::steady_clock::now() is what the other driver asks"),
        ("core/client/client.cpp", "#include <boost/system/result.hpp>"),
        ("core/client/client.cpp", '/* once:\n#include "core/net/driver.hpp"\n*/'),
        ("python/bindings/module.cpp", "#include <pybind11/pybind11.h>"),
        ("python/bindings/module.cpp", '#include "core/engine/run.hpp"'),
    ],
)
def test_allowed_includes_pass(tmp_path: Path, file: str, line: str) -> None:
    assert layers.cpp_violations(write(tmp_path, {**OWN_HEADERS, file: line + "\n"}), RULES) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("core/base/bytes.cpp", '#include "core/protocol/packet.hpp"'),
        ("core/client/client.cpp", '#include "core/broker/broker.hpp"'),
        ("core/broker/session.cpp", '#include "core/client/client.hpp"'),
        ("core/client/client.cpp", '#include "core/storage/store.hpp"'),
        ("core/client/client.cpp", '  #  include "core/net/driver.hpp"'),
        ("core/sim/clock.cpp", '#include "core/net/driver.hpp"'),
        ("core/net/driver.cpp", '#include "core/protocol/packet.hpp"'),
        ("core/client/client.cpp", '#include "client.hpp"'),
        ("core/client/client.cpp", '#include "core/client/gone.hpp"'),
        ("core/engine/run.cpp", "#include <boost/asio/io_context.hpp>"),
        ("core/engine/run.cpp", "#include <openssl/ssl.h>"),
        ("core/protocol/encode.cpp", "#include <nlohmann/json.hpp>"),
        ("core/net/driver.cpp", "#include <nlohmann/json.hpp>"),
        ("core/engine/run.cpp", "#include <pybind11/pybind11.h>"),
        ("core/broker/session.cpp", "#include <boost/unordered/unordered_flat_map.hpp>"),
        ("core/client/client.cpp", "#include <thread>"),
        ("core/sim/clock.cpp", "#include <thread>"),
        ("core/client/client.cpp", "#include <mutex>"),
        ("core/client/client.cpp", "#include <sys/socket.h>"),
        ("core/client/client.cpp", "auto now = std::chrono::system_clock::now();"),
        ("core/load/phase.cpp", "std::random_device seed;"),
        ("core/strange/thing.cpp", ""),
        ("core/loose.cpp", ""),
        ("python/bindings/module.cpp", "#include <openssl/ssl.h>"),
    ],
)
def test_planted_include_is_found(tmp_path: Path, file: str, line: str) -> None:
    found = layers.cpp_violations(write(tmp_path, {**OWN_HEADERS, file: "\n" + line + "\n"}), RULES)
    assert len(found) == 1
    assert found[0].startswith(file)


# ---- CMake

LAYER_LINES = "function(mqtt_sim_layer name)\nendfunction()\n" + "".join(
    f"mqtt_sim_layer({line})\n"
    for line in [
        "base third_party_boost",
        "protocol mqtt_sim_base",
        "client mqtt_sim_protocol",
        "broker mqtt_sim_storage",
        "storage mqtt_sim_protocol",
        "load mqtt_sim_client third_party_nlohmann",
        "net mqtt_sim_base OpenSSL::SSL Threads::Threads",
        "sim mqtt_sim_base",
        "engine mqtt_sim_net mqtt_sim_sim Threads::Threads",
    ]
)


def test_allowed_link_lists_pass(tmp_path: Path) -> None:
    assert layers.cmake_violations(write(tmp_path, {**OWN_HEADERS, "core/CMakeLists.txt": LAYER_LINES}), RULES) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("client mqtt_sim_protocol", "client mqtt_sim_protocol mqtt_sim_broker", "client may not link mqtt_sim_broker"),
        ("sim mqtt_sim_base)", "sim mqtt_sim_base Threads::Threads)", "sim may not link Threads::Threads"),
        ("(protocol mqtt_sim_base", "(protocol third_party_nlohmann", "protocol may not link third_party_nlohmann"),
        ("engine mqtt_sim_net", "engine OpenSSL::SSL", "engine may not link OpenSSL::SSL"),
        ("mqtt_sim_layer(sim mqtt_sim_base)\n", "", "core/sim has no mqtt_sim_layer line"),
        (
            "mqtt_sim_layer(sim",
            "mqtt_sim_layer(new mqtt_sim_base)\nmqtt_sim_layer(sim",
            "new is no folder of the table",
        ),
    ],
)
def test_planted_link_is_found(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in LAYER_LINES
    text = LAYER_LINES.replace(old, new, 1)
    found = layers.cmake_violations(write(tmp_path, {**OWN_HEADERS, "core/CMakeLists.txt": text}), RULES)
    assert found == [f"core/CMakeLists.txt: {complaint}"]


# ---- Python

PACKAGE = {
    "python/mqtt_sim/__init__.py": "from mqtt_sim.run import run\nfrom . import cli\n",
    "python/mqtt_sim/cli.py": "from mqtt_sim.report import text\nfrom . import run, errors\n",
    "python/mqtt_sim/run.py": "from . import engine, errors\nfrom mqtt_sim import result, scenario\n",
    "python/mqtt_sim/engine.py": "def load():\n    from mqtt_sim import _core\n",
    "python/mqtt_sim/result.py": "import mqtt_sim.errors\n",
    "python/mqtt_sim/scenario/__init__.py": "from .model import Scenario\n",
    "python/mqtt_sim/scenario/model.py": "from ..errors import Error\nimport json\n",
    "python/mqtt_sim/report/__init__.py": "",
    "python/mqtt_sim/report/text.py": "from mqtt_sim.result import Result\nfrom typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    from mqtt_sim.run import run\n",
    "python/mqtt_sim/errors.py": "",
}


def test_allowed_imports_pass(tmp_path: Path) -> None:
    assert layers.python_violations(write(tmp_path, PACKAGE), RULES) == []


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("scenario/model.py", "from mqtt_sim.run import run", "scenario → run"),
        ("scenario/model.py", "from .. import run", "scenario → run"),
        ("result.py", "def render():\n    from mqtt_sim.report import text", "result → report"),
        ("run.py", "from mqtt_sim.report.text import table", "run → report"),
        ("report/text.py", "import mqtt_sim.run", "report → run"),
        ("run.py", "from mqtt_sim import cli", "entry point cli"),
        ("errors.py", "from mqtt_sim.cli import main", "entry point cli"),
        ("scenario/model.py", "from mqtt_sim import _core", "scenario imports _core"),
        ("report/text.py", "from mqtt_sim._core import Run", "report imports _core"),
        ("run.py", "from . import _core", "run imports _core"),
        ("errors.py", "from mqtt_sim.result import Result", "in a circle: errors → result → errors"),
    ],
)
def test_planted_import_is_found(tmp_path: Path, file: str, line: str, complaint: str) -> None:
    name = f"python/mqtt_sim/{file}"
    found = layers.python_violations(write(tmp_path, {**PACKAGE, name: f"{PACKAGE[name]}\n{line}\n"}), RULES)
    assert any(complaint in problem for problem in found), found

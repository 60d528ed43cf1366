"""Puts the modules of python/mqtt_sim/web/mqtt into one file that a page can load with a plain script element.

    python python/bundle_web.py           writes python/mqtt_sim/web/mqtt.js
    python python/bundle_web.py --check   says whether it is up to date

Nothing is rewritten: modules follow each other in the order of their imports, inside one function; import and export
are taken away, and so are comments; two spaces of indentation become one tab. Names at the top level of all modules
must therefore differ, and no text may hold a space, two slashes and a space.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parent / "mqtt_sim" / "web"
ENTRY = WEB / "mqtt" / "index.js"
OUTPUT = WEB / "mqtt.js"

START = """\
/*! A small MQTT client for pages, with the names of MQTT.js. Part of mqtt-sim, MIT licence. Made from web/mqtt by
 *  python/bundle_web.py. Loaded as a script or as a module it sets globalThis.mqtt. */
(function () {
"use strict";
"""
END = """
globalThis.mqtt = { %s };
})();
"""

IMPORT = re.compile(r'^import [^;]*?from "\./(\w+\.js)";\n', re.MULTILINE)
RE_EXPORT = re.compile(r'^export \{ ([\w, ]+) \} from "\./(\w+\.js)";\n', re.MULTILINE)
TOP_LEVEL_NAME = re.compile(r"^(?:export )?(?:async )?(?:const|let|function|class) (\w+)", re.MULTILINE)


class BundleError(Exception):
    """The modules cannot share one scope."""


def modules_in_order(entry: Path) -> list[Path]:
    """The module and all it imports, each after what it needs."""
    order: list[Path] = []

    def visit(path: Path, above: tuple[Path, ...]) -> None:
        if path in above:
            raise BundleError(f"{path.name} imports itself by way of {above[-1].name}")
        if path in order:
            return
        text = path.read_text(encoding="utf-8")
        needed = IMPORT.findall(text) + [name for _, name in RE_EXPORT.findall(text)]
        for name in needed:
            visit(path.parent / name, (*above, path))
        order.append(path)

    visit(entry, ())
    return order


def body(text: str) -> str:
    """A module without imports, the word export, comments and empty lines."""
    text = RE_EXPORT.sub("", IMPORT.sub("", text))
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\s*(?://.*)?\n", "", text, flags=re.MULTILINE)
    text = re.sub(r" // \S.*$", "", text, flags=re.MULTILINE)
    return re.sub(r"^(?:  )+", lambda indent: "\t" * (len(indent[0]) // 2), text, flags=re.MULTILINE)


def bundle(entry: Path = ENTRY) -> str:
    """The text of the one file."""
    order = modules_in_order(entry)
    owner: dict[str, str] = {}
    for path in order:
        for name in TOP_LEVEL_NAME.findall(path.read_text(encoding="utf-8")):
            if name in owner:
                raise BundleError(f"{name} is a top-level name of {owner[name]} and of {path.name}")
            owner[name] = path.name
    exported = [names for names, _ in RE_EXPORT.findall(entry.read_text(encoding="utf-8"))]
    parts = [f"\n// {path.name}\n{body(path.read_text(encoding='utf-8'))}" for path in order if path != entry]
    return START + "".join(parts) + END % ", ".join(exported)


def main(arguments: list[str]) -> int:
    text = bundle()
    if "--check" not in arguments:
        OUTPUT.write_text(text, encoding="utf-8")
        print(f"{OUTPUT}: {len(text.encode())} bytes")
        return 0
    if OUTPUT.is_file() and OUTPUT.read_text(encoding="utf-8") == text:
        return 0
    print("web/mqtt.js is not what its modules make: run python python/bundle_web.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

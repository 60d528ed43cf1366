"""Fuzz inputs as text and as files: the tree keeps one input a line in hex, libFuzzer wants a file each.

corpus.py expand FILE.hex DIRECTORY    one file for each line; lines that begin with # are comments
corpus.py pack DIRECTORY FILE.hex      the files as lines, shortest first; replaces what the file held
"""

import hashlib
import sys
from pathlib import Path


def inputs_of(text: str) -> list[bytes]:
    return [bytes.fromhex(line) for line in text.splitlines() if line and not line.startswith("#")]


def expand(packed: Path, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for data in inputs_of(packed.read_text(encoding="ascii")):
        (directory / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def pack(directory: Path, packed: Path) -> None:
    inputs = {path.read_bytes() for path in directory.iterdir()} - {b""}
    lines = [data.hex() + "\n" for data in sorted(inputs, key=lambda data: (len(data), data))]
    packed.write_text("".join(lines), encoding="ascii")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["expand", packed, directory]:
            expand(Path(packed), Path(directory))
        case ["pack", directory, packed]:
            pack(Path(directory), Path(packed))
        case _:
            sys.exit(__doc__)

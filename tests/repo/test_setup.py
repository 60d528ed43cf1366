"""scripts/setup packages, with programs in the place of dpkg, apt and sudo that write down how they were called."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

BUILD = ["g++", "cmake", "ninja-build", "ccache", "python3-dev", "python3-venv", "libssl-dev", "libgtest-dev"]
TEST = ["mosquitto", "mosquitto-clients", "nginx-light", "libnginx-mod-stream"]
TEST += ["openssl", "chromium", "zsh", "fish", "nodejs", "npm"]
OUTSIDE_PROGRAMS = ["mosquitto", "mosquitto_pub", "nginx", "openssl", "chromium", "node", "npm"]
USED_BY_THE_SCRIPT = ("bash", "env", "dirname", "basename", "cat", "grep", "getconf")


@dataclass
class Machine:
    """A folder of programs that is all the script finds on PATH."""

    programs: Path
    script: Path

    def add(self, name: str, body: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/bash\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def remove(self, name: str) -> None:
        (self.programs / name).unlink()

    def install(self, *packages: str) -> None:
        """dpkg-query answers as the real one does: known packages on stdout, unknown ones as an error."""
        lines = "".join(f"installed {name}\\n" for name in packages)
        self.add("dpkg-query", f'printf "{lines}config-files cmake\\n"; echo "no packages found" >&2; exit 1')

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.script, "packages", *arguments],
            env={"PATH": str(self.programs)},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        log = self.programs / "log"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path, repository: Path) -> Machine:
    machine = Machine(tmp_path, repository / "scripts/setup")
    for name in USED_BY_THE_SCRIPT:
        found = shutil.which(name)
        assert found
        os.symlink(found, tmp_path / name)
    machine.add("id", "echo 0")
    machine.add("apt-get", f'echo "apt-get $* [$DEBIAN_FRONTEND $RUNLEVEL]" >>{tmp_path}/log')
    machine.install(*BUILD)
    return machine


def test_nothing_missing_asks_for_nothing(machine: Machine) -> None:
    machine.add("id", "echo 1000")
    result = machine.run()
    assert (result.returncode, result.stdout, machine.calls()) == (0, "", [])


def test_only_missing_packages_are_installed_after_one_update(machine: Machine) -> None:
    machine.install(*(name for name in BUILD if name not in ("cmake", "libssl-dev")))
    result = machine.run()
    assert result.returncode == 0, result.stderr
    update, install = machine.calls()
    assert update == "apt-get update -q [ ]"
    assert install.startswith("apt-get install -y -q --no-install-recommends")
    assert install.endswith(" cmake libssl-dev [noninteractive 1]")


def test_outside_programs_are_wanted_for_tests_only(machine: Machine) -> None:
    assert machine.run().returncode == 0
    assert machine.calls() == []
    assert machine.run("test").returncode == 0
    assert machine.calls()[-1].endswith(f" {' '.join(TEST)} [noninteractive 1]")


def test_node_of_another_origin_is_left_alone(machine: Machine) -> None:
    machine.add("node", "")
    machine.install(*BUILD, *TEST[:-2])
    assert machine.run("test").returncode == 0
    assert machine.calls()[-1].endswith(" nodejs npm [noninteractive 1]"), "Node without npm is not enough"
    machine.add("npm", "")
    (machine.programs / "log").unlink()
    assert machine.run("test").returncode == 0
    assert machine.calls() == []


def test_clang_is_wanted_for_fuzzing_only(machine: Machine) -> None:
    assert machine.run("test").returncode == 0
    assert "clang" not in machine.calls()[-1]
    assert machine.run("fuzz").returncode == 0
    assert machine.calls()[-1].endswith(" clang libclang-rt-dev [noninteractive 1]")


def test_update_that_fails_does_not_stop_the_installation(machine: Machine) -> None:
    machine.install()
    machine.add("apt-get", f'echo "$1" >>{machine.programs}/log; [[ $1 != update ]]')
    assert machine.run().returncode == 0
    assert machine.calls() == ["update", "install"]


def test_installation_that_fails_is_a_failure(machine: Machine) -> None:
    machine.install()
    machine.add("apt-get", "[[ $1 != install ]]")
    assert machine.run().returncode != 0


def test_other_users_go_through_sudo(machine: Machine) -> None:
    machine.install()
    machine.add("id", "echo 1000")
    machine.add("sudo", f'echo sudo >>{machine.programs}/log; exec "$@"')
    assert machine.run().returncode == 0
    assert [call.split()[0] for call in machine.calls()] == ["sudo", "apt-get", "sudo", "apt-get"]


def test_without_root_and_sudo_the_missing_packages_are_named(machine: Machine) -> None:
    machine.install(*(name for name in BUILD if name != "ccache"))
    machine.add("id", "echo 1000")
    result = machine.run()
    assert result.returncode == 1
    assert "needs root: ccache" in result.stderr


def test_other_systems_are_told_what_is_missing(machine: Machine) -> None:
    machine.remove("apt-get")
    machine.add("cmake", "")
    result = machine.run("test")
    assert result.returncode == 1
    assert f"missing: c++ ninja python3 {' '.join(OUTSIDE_PROGRAMS)}" in result.stderr
    assert "libssl-dev" in result.stderr
    for name in ("c++", "ninja", "python3", *OUTSIDE_PROGRAMS):
        machine.add(name, "")
    result = machine.run("test")
    assert (result.returncode, result.stderr) == (0, "")

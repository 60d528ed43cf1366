"""Completion scripts of bash, zsh and fish, written out in full: completing a word starts no Python."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence

from mqtt_sim.command.command_words import DIRECTORIES, FILES, SCENARIOS, CommandWords, Option, Value

# ---- bash

_BASH = """\
# Completion of mqtt-sim for bash. To use it: eval "$(mqtt-sim completion bash)"
_mqtt_sim() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" command="" i
  COMPREPLY=()
  # Bash takes --option=word apart at the sign.
  if [[ $word == = ]]; then
    word=""
  elif [[ $before == = ]]; then
    before="${{COMP_WORDS[COMP_CWORD-2]}}"
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command/${{COMP_WORDS[i]}}" in
{commands}
      *) [[ -z $command && ${{COMP_WORDS[i]}} != -* ]] && command=/run ;;
    esac
  done
  case "$command $before" in
{values}
  esac
  if [[ $word == -* ]]; then
    case "$command" in
{options}
    esac
    return
  fi
  case "$command" in
{arguments}
  esac
}}
_mqtt_sim_words() {{ mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2"); }}
_mqtt_sim_files() {{ compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$1"); }}
_mqtt_sim_directories() {{ compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$1"); }}
_mqtt_sim_scenarios() {{
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -W "{scenarios} $2" -- "$1"; compgen -f -- "$1")
}}
complete -F _mqtt_sim mqtt-sim
"""


def bash_script(root: CommandWords, scenarios: Sequence[str]) -> str:
    """For `eval "$(mqtt-sim completion bash)"`."""
    commands = list(root.walk())
    return _BASH.format(
        commands="\n".join(
            f'      "{"/".join(("", *one.path))}") command="{"/".join(("", *one.path))}" ;;' for one in commands[1:]
        ),
        values="\n".join(
            f"    {_bash_patterns(one, option)}) {_bash_value(option.value)}; return ;;"
            for one in commands
            for option in one.options
            if option.value
        ),
        options="\n".join(
            f'      "{_bash_path(one)}") _mqtt_sim_words "{" ".join(_names(one.options))}" "$word" ;;'
            for one in commands
        ),
        arguments="\n".join(f'    "{_bash_path(one)}") {_bash_argument(one)} ;;' for one in commands),
        scenarios=" ".join(scenarios),
    )


def _bash_path(command: CommandWords) -> str:
    return "".join(f"/{part}" for part in command.path)


def _bash_patterns(command: CommandWords, option: Option) -> str:
    return "|".join(f'"{_bash_path(command)} {name}"' for name in option.names)


def _bash_value(value: Value) -> str:
    if value.words:
        return f'_mqtt_sim_words "{" ".join(value.words)}" "$word"'
    return f'_mqtt_sim_{value.kind} "$word"' if value.kind else ":"


def _bash_argument(command: CommandWords) -> str:
    names = " ".join(one.path[-1] for one in command.commands)
    if not command.path:
        return f'_mqtt_sim_scenarios "$word" "{names}"'
    if names:
        return f'_mqtt_sim_words "{names}" "$word"'
    return _bash_value(_taken(command.arguments))


def _taken(arguments: Iterable[Value]) -> Value:
    """The one kind of value that stands for all arguments of a command: the first that can be completed."""
    return next((value for value in arguments if value.kind or value.words), Value())


def _names(options: Iterable[Option]) -> list[str]:
    return [name for option in options for name in option.names]


# ---- zsh

_ZSH = """\
#compdef mqtt-sim
# Completion of mqtt-sim for zsh. To use it: eval "$(mqtt-sim completion zsh)"
_mqtt_sim_scenarios() {{
  _alternative 'scenarios:scenario:({scenarios})' 'files:file:_files'
}}
{functions}
if [[ $funcstack[1] == _mqtt_sim ]]; then
  _mqtt_sim "$@"
else
  compdef _mqtt_sim mqtt-sim
fi
"""
_ZSH_KINDS = {FILES: "_files", DIRECTORIES: "_files -/", SCENARIOS: "_mqtt_sim_scenarios"}


def zsh_script(root: CommandWords, scenarios: Sequence[str]) -> str:
    """For `eval "$(mqtt-sim completion zsh)"`, or a file _mqtt_sim in the fpath."""
    functions = "\n".join(_zsh_function(command) for command in reversed(list(root.walk())))
    return _ZSH.format(functions=functions, scenarios=" ".join(scenarios))


def _zsh_function(command: CommandWords) -> str:
    specs = [spec for option in command.options for spec in _zsh_option(option)]
    if command.commands:
        return _zsh_group(command, specs)
    specs += [f"*:argument:{_zsh_value(_taken(command.arguments))}"] if command.arguments else []
    return _zsh_body(command, [f"  _arguments -s {' '.join(map(shlex.quote, specs))}"])


def _zsh_group(command: CommandWords, specs: list[str]) -> str:
    names = " ".join(shlex.quote(f"{one.path[-1]}:{one.help}") for one in command.commands)
    cases = [f"      {one.path[-1]}) {_zsh_name(one)} ;;" for one in command.commands]
    lines = [
        "  local context state line",
        "  local -a commands",
        f"  commands=({names})",
        f"  _arguments -C {' '.join(map(shlex.quote, [*specs, '1: :->command', '*:: :->rest']))}",
        "  case $state in",
        "    command)",
        "      _describe command commands",
        *([] if command.path else ["      _mqtt_sim_scenarios"]),
        "      ;;",
        "    rest) case $line[1] in",
        *cases,
        *([] if command.path else ["      *) _mqtt_sim_run ;;"]),
        "    esac ;;",
        "  esac",
    ]
    return _zsh_body(command, lines)


def _zsh_body(command: CommandWords, lines: Iterable[str]) -> str:
    return "\n".join([f"{_zsh_name(command)}() {{", *lines, "}"])


def _zsh_name(command: CommandWords) -> str:
    return "_".join(("_mqtt_sim", *(part.replace("-", "_") for part in command.path)))


def _zsh_option(option: Option) -> list[str]:
    """`--seed[help]:value:action`, one for each name."""
    told = option.help.translate({ord("["): "(", ord("]"): ")", ord(":"): ";"})
    value = f":value:{_zsh_value(option.value)}" if option.value else ""
    sign = "=" if option.value else ""
    return [f"*{name}{sign if name.startswith('--') else ''}[{told}]{value}" for name in option.names]


def _zsh_value(value: Value) -> str:
    return f"({' '.join(value.words)})" if value.words else _ZSH_KINDS.get(value.kind, " ")


# ---- fish


def fish_script(root: CommandWords, scenarios: Sequence[str]) -> str:
    """For ~/.config/fish/completions/mqtt-sim.fish."""
    lines = ["# Completion of mqtt-sim for fish.", "complete -c mqtt-sim -f"]
    first = "__fish_use_subcommand"
    for command in root.walk():
        where = _fish_condition(command) if command.path else first
        for below in command.commands:
            lines.append(_fish_line(where, f"-a {below.path[-1]}", below.help))
        for option in command.options:
            flags = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            value = f" {_fish_value(option.value, scenarios)}" if option.value else ""
            lines.append(_fish_line(where, flags + value, option.help))
        taken = _taken(command.arguments)
        if taken.kind or taken.words:
            lines.append(_fish_line(where, _fish_value(taken, scenarios, required=False), ""))
    lines.append(_fish_line(first, f"-F -a {shlex.quote(' '.join(scenarios))}", "scenario"))
    return "\n".join(lines) + "\n"


def _fish_condition(command: CommandWords) -> str:
    seen = "; and ".join(f"__fish_seen_subcommand_from {part}" for part in command.path)
    below = " ".join(one.path[-1] for one in command.commands)
    return f"{seen}; and not __fish_seen_subcommand_from {below}" if below else seen


def _fish_line(condition: str, words: str, told: str) -> str:
    description = f" -d {_fish_quoted(told)}" if told else ""
    return f"complete -c mqtt-sim -n {_fish_quoted(condition)} {words}{description}"


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _fish_value(value: Value, scenarios: Sequence[str], *, required: bool = True) -> str:
    needs = "-r " if required else ""
    if value.words:
        return f"{needs}-f -a '{' '.join(value.words)}'"
    if value.kind == DIRECTORIES:
        return f"{needs}-f -a '(__fish_complete_directories)'"
    if value.kind == SCENARIOS:
        return f"{needs}-F -a '{' '.join(scenarios)}'"
    return f"{needs}-F" if value.kind == FILES else f"{needs}-f"


SCRIPTS: dict[str, Callable[[CommandWords, Sequence[str]], str]] = {
    "bash": bash_script,
    "zsh": zsh_script,
    "fish": fish_script,
}

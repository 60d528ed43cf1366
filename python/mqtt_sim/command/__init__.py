"""The commands of `mqtt-sim`: one module a command, and the registry that names them."""

"""The command line: importing a module of commands adds them to the group."""

from tornwrite import (
    device_commands,
    gate_command,
    init_command,
    list_commands,
    proof_commands,
    state_commands,
    workload_commands,
)
from tornwrite.command_group import main

__all__ = [
    "device_commands",
    "gate_command",
    "init_command",
    "list_commands",
    "main",
    "proof_commands",
    "state_commands",
    "workload_commands",
]

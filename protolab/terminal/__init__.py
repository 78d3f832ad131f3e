"""The work behind each command of the terminal; `protolab.cli` says how they are called."""

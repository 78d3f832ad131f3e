"""`python -m protolab` is the command `protolab`."""

from protolab.cli import main

main(prog_name="protolab")

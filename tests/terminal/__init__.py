"""Tests of the command `protolab`."""

"""Tests of recording: the model, the tap, and the files."""

"""Tests of the lessons' files and of their builder."""

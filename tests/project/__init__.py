"""Tests of the project itself: packages, README, wheel, imports."""

"""pyproject.toml and environment.yml name the same packages; the wheel holds what it must; importing is light."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import protolab
from protolab import protocols

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_environment_yml_names_the_packages_of_pyproject_with_the_same_floors():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *packages, pip = environment["dependencies"]
    assert packages == [f"python{PROJECT['requires-python']}", "pip", *PROJECT["dependencies"]]
    assert pip == {"pip": ["-e ."]}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel's files by name."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_the_lessons_and_not_what_they_are_made_from(wheel):
    there = {path.name: path.read_bytes() for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert there
    there |= {f"exercises/{path.name}": path.read_bytes() for path in (ROOT / "notebooks" / "exercises").glob("*.py")}
    assert {name: wheel[f"protolab/notebooks/{name}"] for name in there} == there
    assert not [
        name
        for name in wheel
        if "notebooks/source" in name or name.endswith("build.py") or name.startswith(("tests/", "notebooks/"))
    ]


def test_the_wheel_holds_every_file_of_the_package_and_the_licences(wheel):
    tracked = subprocess.run(["git", "ls-files", "protolab"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    if tracked.returncode:
        pytest.skip("not in a git checkout")
    assert set(tracked.stdout.split()) <= wheel.keys()
    assert sum("licenses/" in name for name in wheel) == 2


def test_importing_protolab_imports_nothing_heavy():
    heavy = "{'grpc', 'tornado', 'graphql', 'websockets', 'IPython', 'ipywidgets', 'anywidget', 'asyncio'}"
    code = f"import sys, protolab; print(sorted({heavy} & sys.modules.keys()))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert result.stdout == "[]\n", result.stderr


def test_the_package_lists_its_rooms_and_its_protocols():
    assert {"lab", "show", "scenes", *(card.name for card in protocols.cards())} <= set(dir(protolab))
    assert all(getattr(protolab, name) is not None for name in dir(protolab))


@pytest.mark.parametrize("card", protocols.cards(), ids=lambda card: card.name)
def test_type_checkers_see_each_public_name_of_a_protocol_where_it_is(card):
    package = importlib.import_module(f"protolab.protocols.{card.name}")
    declared = {}
    for statement in ast.walk(ast.parse(inspect.getsource(package))):
        if isinstance(statement, ast.If):
            imports = [each for each in statement.body if isinstance(each, ast.ImportFrom)]
            declared |= {name.asname: each.module for each in imports for name in each.names}
    offered = {name: getattr(package, name) for name in getattr(package, "__all__", ()) if name != "CARD"}
    assert offered.keys() == declared.keys()
    # A function named as its module would be the module as soon as that is imported.
    assert not [name for name in offered if package._PUBLIC[name] == name]
    for name, thing in offered.items():
        found = importlib.import_module(declared[name])
        assert thing is (getattr(found, name) if found is not package else thing)


def test_listing_the_protocols_imports_none_of_their_libraries():
    heavy = "{'grpc', 'tornado', 'graphql', 'websockets'}"
    code = (
        f"import sys; from protolab.protocols import cards; assert cards(); print(sorted({heavy} & sys.modules.keys()))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert result.stdout == "[]\n", result.stderr

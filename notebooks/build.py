"""Build the lessons: run notebooks/source/NN_name.py (py:percent) and write notebooks/NN_name.ipynb, outputs included.

    python notebooks/build.py                    build all lessons
    python notebooks/build.py 02_websocket       build those whose names start so
    python notebooks/build.py --check [names]    build in memory, compare with what is there, and show what differs

The source is what people review and edit; the notebook is generated, and the same bytes come out each time: cell ids
are made from what the cells say, counts run from 1; times, widget models and the interpreter's version are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import hashlib
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

FOLDER = Path(__file__).parent
KERNELS = 2  # kernels at work at once: one for each core of a small machine
CELL_SECONDS = 60  # nbval is given the same
DIFF_LINES = 40  # of one lesson's difference that are shown
WIDGET = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}


class Refused(Exception):
    """A lesson that cannot be built: the message names the cell and says what to do."""


def read(source: Path) -> nbformat.NotebookNode:
    """The notebook that a source describes, not run yet, with ids made from what its cells say."""
    notebook = nbformat.v4.new_notebook()
    seen: Counter[str] = Counter()
    for cell in jupytext.read(source, fmt="py:percent").cells:
        said = f"{cell.cell_type}\n{cell.source}"
        seen[said] += 1
        cell.id = hashlib.sha256(f"{said}\n{seen[said]}".encode()).hexdigest()[:8]
        if cell.cell_type == "code" and not cell.source.strip():
            raise Refused(f"{source.name}: a code cell is empty; write something in it, or take it away")
        notebook.cells.append(cell)
    return notebook


async def run(notebook: nbformat.NotebookNode, name: str, folder: Path) -> None:
    """Run every cell in a fresh kernel, in the folder of the lessons. Refused if a cell fails that was not meant to."""
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        extra_arguments=["--log-level=40"],  # no word about TCP on a kernel that lives for seconds
        store_widget_state=False,
    )
    try:
        await client.async_execute()
    except CellExecutionError as error:
        cell = next(
            cell for cell in notebook.cells if any(output.output_type == "error" for output in cell.get("outputs", ()))
        )
        raise Refused(
            f"{name}: this cell raised {error.ename}: {error.evalue}\n{_indent(cell.source)}\n"
            '  Mend it; or, where raising is the point, tag it: # %% tags=["raises-exception"]'
        ) from None
    except CellTimeoutError:
        raise Refused(f"{name}: a cell ran for more than {CELL_SECONDS} seconds") from None
    except DeadKernelError:
        raise Refused(f"{name}: the kernel died while it ran") from None


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Leave only what is the same at each run."""
    notebook.metadata = nbformat.from_dict(METADATA)
    count = 0
    for cell in notebook.cells:
        for noise in ("execution", "lines_to_next_cell"):  # times; and how jupytext would lay out the source
            cell.metadata.pop(noise, None)
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            cell.outputs = list(merged(normal(output, count) for output in cell.outputs))


def normal(output: nbformat.NotebookNode, count: int) -> nbformat.NotebookNode:
    """One output without widgets, counts of another run, and the machine's paths in a traceback."""
    match output.output_type:
        case "execute_result" | "display_data":
            if WIDGET in output.data and len(output.data) == 1:
                raise Refused(
                    "a widget has no static form: give it text/plain and text/html, so that it reads without a kernel"
                )
            output.data.pop(WIDGET, None)
            output.metadata = {}
            if "execution_count" in output:
                output.execution_count = count
        case "error":
            output.traceback = [f"{output.ename}: {output.evalue}"]
    return output


def merged(outputs: Iterable[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """The outputs with each run of streams joined, stdout before stderr: how they interleave differs between runs."""
    found: list[nbformat.NotebookNode] = []
    streams: dict[str, nbformat.NotebookNode] = {}
    for output in outputs:
        if output.output_type != "stream":
            streams = {}
        elif output.name in streams:
            streams[output.name].text += output.text
            continue
        else:
            streams[output.name] = output
        found.append(output)
        if len(streams) == 2 and found[-1].name == "stdout":
            found[-2:] = found[:-3:-1]
    return found


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


async def build(source: Path, folder: Path) -> str:
    """The text of the executed, normalised notebook."""
    notebook = read(source)
    await run(notebook, source.stem, folder)
    try:
        normalise(notebook)
    except Refused as refused:
        raise Refused(f"{source.stem}: {refused}") from None
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=4) + "\n"


def difference(name: str, there: str, built: str) -> str:
    """What differs between the notebook that is there and the one just built, cut to what a person reads."""
    names = {"fromfile": f"{name} (there)", "tofile": f"{name} (built)"}
    lines = list(difflib.unified_diff(there.splitlines(), built.splitlines(), **names, n=1, lineterm=""))
    if len(lines) > DIFF_LINES:
        lines[DIFF_LINES:] = [f"... and {len(lines) - DIFF_LINES} more lines"]
    return "\n".join(line if len(line) <= 300 else f"{line[:300]}..." for line in lines)


async def work(folder: Path, names: list[str], check: bool) -> list[str]:
    """Build, or compare, the lessons chosen (all, when no name is given). Returns what is wrong, a text for each."""
    sources = sorted((folder / "source").glob("[0-9]*.py"))
    stems = [source.stem for source in sources]
    problems = [
        f"no lesson's name starts with {name!r}; there are: {', '.join(stems)}"
        for name in names
        if not any(stem.startswith(name) for stem in stems)
    ]
    if not names:
        problems += [
            f"{path.name} has no source/{path.stem}.py: write it, or delete the notebook"
            for path in sorted(folder.glob("*.ipynb"))
            if path.stem not in stems
        ]
    turns = asyncio.Semaphore(KERNELS)

    async def one(source: Path) -> str | None:
        target = folder / f"{source.stem}.ipynb"
        async with turns:
            try:
                built = await build(source, folder)
            except Refused as refused:
                return str(refused)
        there = target.read_text(encoding="utf-8") if target.exists() else None
        if there == built:
            print(f"{target.name}: as it was", flush=True)
        elif check:
            again = f"Run: python {os.path.relpath(__file__)} {source.stem}"
            return (
                f"{target.name} is not there. {again}"
                if there is None
                else (f"{target.name} is not what its source gives. {again}\n{difference(target.name, there, built)}")
            )
        else:
            target.write_text(built, encoding="utf-8", newline="\n")
            print(f"{target.name}: built", flush=True)
        return None

    chosen = [source for source in sources if not names or source.stem.startswith(tuple(names))]
    return problems + [problem for problem in await asyncio.gather(*map(one, chosen)) if problem]


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    """The command; returns its exit code."""
    about, _, usage = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=about, epilog=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="beginnings of lessons' names, such as 02; all when there is none")
    parser.add_argument(
        "--check", action="store_true", help="write nothing: say what differs, and exit with 1 if anything does"
    )
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as profile:
        os.environ["IPYTHONDIR"] = profile  # no start-up file of this machine's user has a say in a lesson
        os.environ["PROTOLAB_PROGRESS"] = "off"  # nor what they have answered already
        problems = asyncio.run(work(folder, chosen.names, chosen.check))
    print("\n\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

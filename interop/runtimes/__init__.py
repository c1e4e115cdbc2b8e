"""Runtimes that run exported files, one module each.

To add one, write runtimes/NAME.py and put NAME into ALL, in the order of the page. A module has

    TITLE       what the page calls it
    PYTHON      the environment variable that names the Python it is installed in
    TOLERANCE   the largest difference of a probability; of a value it is that share of it
    LIMITS      what it cannot do: a list of Limit, of which the first that fits counts
    version()   the installed version, as a string
    load(path)  a file made ready to run; its run(inputs) takes arrays by name and returns arrays by name

Both functions import the runtime themselves: the tests import the module in a Python that need not have it, to read what
is at its top. Strings are arrays of objects. What load or run raises is taken down, and compared with LIMITS: a case that
fits one must fail with that message, and every other case must agree. A module of something that is not in Python has
command(matrix, answers) in the place of the functions: the command line of a program that does what run.py does.

Requirements go, pinned, into the requirements file of the environment. `make interop-page` then writes docs/interop.md anew.
"""

import dataclasses
import importlib
import typing

ALL = [
    "pure_go",
    "onnxruntime_newest",
    "onnxruntime_middle",
    "onnxruntime_oldest",
    "onnxruntime_node",
    "onnxruntime_web",
    "onnxruntime_browser",
    "reference",
    "openvino",
    "tract",
    "onnx2torch",
]


@dataclasses.dataclass
class Case:
    """One task of one model in one call, as limits see it."""

    model: str
    reads: str  # ids, text, table, or table ids
    task: str
    type: str
    crf: bool
    operators: set[str]  # of the file that has this task alone, with those in bodies of loops
    batch: int
    length: int
    padded: bool  # whether a row is shorter than another, or empty
    doubles: bool = False  # whether the file reads or answers float64


@dataclasses.dataclass
class Limit:
    """What a runtime cannot do: the files in words and the cases, what it says or does (a regular expression), and why."""

    what: str
    when: typing.Callable[[Case], bool]
    says: str
    why: str
    sometimes: bool = False  # wrong answers, which can be right by chance; one at least must be wrong


def of_text(says):
    """The limit of a runtime that has the standard's operators alone, by what it says of the one that it lacks."""
    return Limit("that read text", lambda c: c.reads == "text", says, "it has the standard's operators, and splitting text into tokens is one of ONNX Runtime's")


def modules():
    return {name: importlib.import_module(f"runtimes.{name}") for name in ALL}

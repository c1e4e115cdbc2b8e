"""Our own engine. The program that makes the models has asked it."""

import pathlib

TITLE = "espalier's engine in pure Go"
TOLERANCE = 1e-5
LIMITS = []


def command(matrix, answers):
    return ["cp", str(pathlib.Path(matrix).parent / "pure.json"), answers]

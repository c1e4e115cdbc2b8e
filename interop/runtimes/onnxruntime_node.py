from runtimes import _node

TITLE = "onnxruntime-node"
TOLERANCE = 1e-5
LIMITS = []


def command(matrix, answers):
    return _node.command("onnxruntime-node", matrix, answers)

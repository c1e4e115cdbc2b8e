from runtimes import _node

TITLE = "onnxruntime-web, WebAssembly in Node"
TOLERANCE = 1e-5
LIMITS = []


def command(matrix, answers):
    return _node.command("onnxruntime-web", matrix, answers)

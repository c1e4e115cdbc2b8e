from runtimes import _node

TITLE = "onnxruntime-web, WebAssembly in a browser"
TOLERANCE = 1e-5
LIMITS = []


def command(matrix, answers):
    return _node.browser("onnxruntime-web", matrix, answers)

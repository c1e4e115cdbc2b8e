from runtimes._onnxruntime import load, version

TITLE = "ONNX Runtime, newest"
PYTHON = "ESPALIER_PYTHON"
TOLERANCE = 1e-5
LIMITS = []

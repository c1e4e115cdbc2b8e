from runtimes._onnxruntime import load, version

TITLE = "ONNX Runtime, one between"
PYTHON = "ESPALIER_PYTHON_MIDDLE"
TOLERANCE = 1e-5
LIMITS = []

from runtimes._onnxruntime import load, version

TITLE = "ONNX Runtime, oldest"
PYTHON = "ESPALIER_PYTHON_OLD"
TOLERANCE = 1e-5
LIMITS = []

from runtimes import Limit

TITLE = "ReferenceEvaluator of onnx"
PYTHON = "ESPALIER_PYTHON"
TOLERANCE = 1e-5
LIMITS = [
    Limit("that read text", lambda c: c.reads == "text", "Node type 'Tokenizer' from domain 'com.microsoft' is unknown", "it has the standard's operators, and splitting text into tokens is one of ONNX Runtime's"),
]


def version():
    import onnx

    return onnx.__version__


class Session:
    def __init__(self, path):
        import onnx.reference

        self.evaluator = onnx.reference.ReferenceEvaluator(path)

    def run(self, inputs):
        return dict(zip(self.evaluator.output_names, self.evaluator.run(None, inputs)))


load = Session

from runtimes import of_text

TITLE = "ReferenceEvaluator of onnx"
PYTHON = "ESPALIER_PYTHON"
TOLERANCE = 1e-5
LIMITS = [
    of_text("Node type 'Tokenizer' from domain 'com.microsoft' is unknown"),
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

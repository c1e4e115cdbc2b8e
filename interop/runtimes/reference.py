from runtimes import Limit

TITLE = "ReferenceEvaluator of onnx"
PYTHON = "ESPALIER_PYTHON"
TOLERANCE = 1e-5
LIMITS = [
    Limit(lambda c: c.reads == "text", "Tokenizer", "it has the standard's operators, and splitting text into tokens is one of ONNX Runtime's"),
    Limit(
        lambda c: c.crf and "Scan" in c.operators,
        "Scan is not implemented for other output input_direction",
        "its Scan does not run from the end of a sequence to its start, as the best path of a conditional random field does",
    ),
    Limit(
        lambda c: c.padded and {"LSTM", "GRU"} & c.operators,
        "differs by|has other labels",
        "its LSTM and GRU do not look at the lengths of rows, so that padding changes answers",
        sometimes=True,
    ),
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

from runtimes import Limit, of_text

TITLE = "OpenVINO"
PYTHON = "ESPALIER_PYTHON"
TOLERANCE = 1e-5
LIMITS = [
    of_text(r"No conversion rule found for operations: .*com\.microsoft\.Tokenizer"),
    Limit("that read or answer float64", lambda c: c.doubles and c.batch > 0, r"(until_value|late_probabilities) differs by", "it computes float64 in float32, whatever it is told, and says nothing"),
    Limit("that read a table's categories as text", lambda c: c.reads == "table", r"No conversion rule found for operations: ai\.onnx\.ml\.LabelEncoder", "it lacks the operator that looks categories up"),
]


def version():
    import importlib.metadata

    return importlib.metadata.version("openvino")


class Session:
    def __init__(self, path):
        import openvino

        core = openvino.Core()
        model = core.read_model(path)
        self.names = [o.any_name for o in model.outputs]
        # On machines with such arithmetic it would compute in bfloat16.
        self.request = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}).create_infer_request()

    def run(self, inputs):
        self.request.infer(inputs)
        return {n: self.request.get_tensor(n).data.copy() for n in self.names}


load = Session

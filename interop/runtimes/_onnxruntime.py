"""What the releases of ONNX Runtime have in common."""


def version():
    import onnxruntime

    return onnxruntime.__version__


class Session:
    def __init__(self, path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if onnxruntime.__version__ == "1.15.0":
            # It plans memory by the shapes of inputs, which say nothing of how long texts are, and loops of a CRF fail.
            options.enable_mem_pattern = False
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.names = [o.name for o in self.session.get_outputs()]

    def run(self, inputs):
        return dict(zip(self.names, self.session.run(self.names, inputs)))


load = Session

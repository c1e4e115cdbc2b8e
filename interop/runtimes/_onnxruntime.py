"""What the releases of ONNX Runtime have in common."""


def version():
    import onnxruntime

    return onnxruntime.__version__


class Session:
    def __init__(self, path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.names = [o.name for o in self.session.get_outputs()]

    def run(self, inputs):
        return dict(zip(self.names, self.session.run(self.names, inputs)))


load = Session

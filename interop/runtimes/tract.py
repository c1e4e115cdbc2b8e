from runtimes import Limit, of_text

TITLE = "tract"
PYTHON = "ESPALIER_PYTHON"
TOLERANCE = 1e-5
LIMITS = [
    of_text(r"Unimplemented\((Tokenizer|Loop)\)"),
    Limit("that read a table's categories as text", lambda c: c.reads == "table", r"Unimplemented\(LabelEncoder\)", "it has no strings: it lacks the operator that looks categories up"),
]


def version():
    import importlib.metadata

    return importlib.metadata.version("tract")


class Session:
    def __init__(self, path):
        import onnx

        graph = onnx.load(path).graph
        self.path, self.outputs = path, [o.name for o in graph.output]
        # It needs to be told the shapes of inputs, in which a name stands for any size; those of outputs it finds. LSTM and
        # GRU end the process where the size of the batch is a name, so their models are made ready for each shape.
        self.declared = {i.name: [d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim] for i in graph.input}
        self.types = {i.name: {onnx.TensorProto.INT64: "i64", onnx.TensorProto.FLOAT: "f32", onnx.TensorProto.DOUBLE: "f64"}.get(i.type.tensor_type.elem_type) for i in graph.input}
        self.each = any(n.op_type in ("LSTM", "GRU") for n in graph.node)
        if not self.each or None in self.types.values():
            self.names, self.model = self.prepare(self.declared)

    def prepare(self, shapes):
        import tract

        model = tract.onnx().load(self.path)
        names = [model.input_name(i) for i in range(model.input_count())]
        for i, name in enumerate(names):
            if self.types[name]:
                model.set_input_fact(i, ",".join(map(str, [*shapes[name], self.types[name]])))
        for i in range(len(self.outputs)):
            model.set_output_fact(i, None)
        return names, model.into_model().into_runnable()

    def run(self, inputs):
        if self.each:
            self.names, self.model = self.prepare({n: x.shape for n, x in inputs.items()})
        return dict(zip(self.outputs, (x.to_numpy() for x in self.model.run([inputs[n] for n in self.names]))))


load = Session

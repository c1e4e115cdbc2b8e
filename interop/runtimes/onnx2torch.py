"""PyTorch, by onnx2torch: what it makes of a file can be trained on. It lacks some operators that it can be told of."""

from runtimes import Limit

TITLE = "PyTorch, by onnx2torch"
PYTHON = "ESPALIER_PYTHON_TORCH"
TOLERANCE = 1e-5
LIMITS = [
    Limit("that read text", lambda c: c.reads == "text", "can't convert np.ndarray of type numpy.object_", "PyTorch has no strings"),
    Limit("that read a table's categories as text", lambda c: c.reads == "table", "operation_type='LabelEncoder'", "PyTorch has no strings: it lacks the operator that looks categories up"),
    Limit("with a CRF", lambda c: "Scan" in c.operators, "operation_type='Scan'", "onnx2torch has no loops, which the decoding of a CRF is"),
]

# onnx2torch has no Reshape that takes a 0 in a shape for a size, as in a batch of none, and looks for the shapes of a
# normalisation where none are known. It allows no second converter for an operator, so that these get a domain of ours.
DOMAIN = "espalier"


def version():
    import importlib.metadata

    return f"{importlib.metadata.version('onnx2torch')} in PyTorch {importlib.metadata.version('torch')}"


def add_converters():
    """Tells onnx2torch of operators: each is made, from a node's attributes, into a function of its operands."""
    import torch
    from onnx2torch.node_converters import registry
    from onnx2torch.utils.common import OnnxToTorchModule, OperationConverterResult, onnx_mapping_from_node

    class Function(torch.nn.Module, OnnxToTorchModule):
        def __init__(self, forward):
            super().__init__()
            self.forward = forward

    def add(name, version, domain, make):
        @registry.add_converter(operation_type=name, version=version, domain=domain)
        def _(node, graph):
            return OperationConverterResult(torch_module=Function(make(node.attributes)), onnx_mapping=onnx_mapping_from_node(node=node))

    add("LSTM", 14, "", lambda attributes: recurrent(torch.lstm, [0, 2, 3, 1], attributes))
    add("GRU", 14, "", lambda attributes: recurrent(torch.gru, [1, 0, 2], attributes))
    add("GreaterOrEqual", 16, "", lambda _: torch.greater_equal)
    add("Reshape", 1, DOMAIN, lambda _: lambda x, shape: torch.reshape(x, shape.tolist()))
    add("LayerNormalization", 1, DOMAIN, lambda a: lambda x, w, b: torch.nn.functional.layer_norm(x, w.shape, w, b, a.get("epsilon", 1e-5)))


def recurrent(run, order, attributes):
    """LSTM and GRU as our files have them: no lengths of rows, no states to begin with, the first output alone is read.
    order is that of the gates."""
    import torch

    hidden, way = attributes["hidden_size"], attributes.get("direction", "forward")
    if run is torch.gru and not attributes.get("linear_before_reset", 0):
        raise NotImplementedError("PyTorch's GRU has linear_before_reset=1")

    def gates(x):
        return torch.cat([x[hidden * i : hidden * (i + 1)] for i in order])

    def forward(x, w, r, b=None):
        if way == "reverse":
            x = x.flip(0)
        weights = []
        for d in range(w.shape[0]):
            weights += [gates(w[d]), gates(r[d])]
            if b is not None:
                weights += [gates(part) for part in b[d].chunk(2)]
        state = x.new_zeros(w.shape[0], x.shape[1], hidden)
        state = (state, state) if run is torch.lstm else state
        y = run(x, state, weights, b is not None, 1, 0.0, False, way == "bidirectional", False)[0]
        y = y.unflatten(2, (w.shape[0], hidden)).transpose(1, 2)
        return y.flip(0) if way == "reverse" else y

    return forward


class Session:
    converters = False

    def __init__(self, path):
        import onnx
        import onnx2torch

        if not Session.converters:
            add_converters()
            Session.converters = True
        model = onnx.shape_inference.infer_shapes(onnx.load(path))  # while all its operators are the standard's
        model.opset_import.append(onnx.helper.make_opsetid(DOMAIN, 1))
        for n in model.graph.node:
            if n.op_type == "LayerNormalization" or n.op_type == "Reshape" and any(a.name == "allowzero" and a.i for a in n.attribute):
                n.domain = DOMAIN
        self.inputs = [i.name for i in model.graph.input]
        self.outputs = [o.name for o in model.graph.output]
        self.module = onnx2torch.convert(model).eval()

    def run(self, inputs):
        import torch

        with torch.inference_mode():
            given = self.module(*(torch.from_numpy(inputs[n]) for n in self.inputs))
        given = given if isinstance(given, (list, tuple)) else [given]
        return dict(zip(self.outputs, (x.numpy() for x in given)))


load = Session

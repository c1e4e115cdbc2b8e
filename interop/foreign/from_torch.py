"""Models of PyTorch, by both of its exporters, with sizes that may change."""

import pathlib

import torch
from torch import nn

import case

WORDS = 40


class TwoHeads(nn.Module):
    """A trunk of dense layers under a classification and a regression."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 12), nn.SiLU(), nn.Dropout(0.3))
        self.kind = nn.Linear(12, 3)
        self.price = nn.Linear(12, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.kind(h), self.price(h)


class TextCNN(nn.Module):
    """Convolutions of two widths over words, the maximum over time."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, 8, padding_idx=0)
        self.convs = nn.ModuleList(nn.Conv1d(8, 6, k, padding="same") for k in (3, 5))
        self.norm = nn.BatchNorm1d(12)
        self.out = nn.Linear(12, 4)

    def forward(self, ids):
        x = self.words(ids).transpose(1, 2)
        h = torch.cat([torch.relu(c(x)).amax(dim=2) for c in self.convs], dim=1)
        return torch.softmax(self.out(self.norm(h)), dim=-1)


class Recurrent(nn.Module):
    """A recurrent network that reads both ways, with an answer for each word."""

    def __init__(self, kind, layers):
        super().__init__()
        self.words = nn.Embedding(WORDS, 8)
        self.rnn = kind(8, 7, num_layers=layers, batch_first=True, bidirectional=True)
        self.out = nn.Linear(14, 5)

    def forward(self, ids):
        h, _ = self.rnn(self.words(ids))
        return self.out(h)


class Transformer(nn.Module):
    """Two layers of PyTorch's own encoder; word 0 is padding."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, 16)
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation="gelu", norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(16), enable_nested_tensor=False)
        self.tags = nn.Linear(16, 5)
        self.kind = nn.Linear(16, 3)

    def forward(self, ids):
        mask = ids == 0
        h = self.encoder(self.words(ids), src_key_padding_mask=mask)
        kept = (~mask).unsqueeze(-1).to(h.dtype)
        mean = (h * kept).sum(1) / kept.sum(1)
        return self.tags(h), self.kind(mean)


class Bag(nn.Module):
    """The mean of words' vectors, a bag of them at a time."""

    def __init__(self):
        super().__init__()
        self.words = nn.EmbeddingBag(WORDS, 8, mode="mean")
        self.out = nn.Linear(8, 3)

    def forward(self, ids):
        return torch.log_softmax(self.out(self.words(ids)), dim=-1)


def texts(rows, columns, padding):
    ids = torch.randint(1, WORDS, (rows, columns))
    for i in range(rows if padding else 0):
        ids[i, max(1, columns - i) :] = 0
    return ids


MODELS = [
    # name, model, input, sizes that change, inputs, outputs
    ("two_heads", TwoHeads, "x", {0: "batch"}, [(3,), (1,)], ["kind", "price"]),
    ("text_cnn", TextCNN, "ids", {0: "batch", 1: "length"}, [(3, 9), (1, 6)], ["probabilities"]),
    ("lstm", lambda: Recurrent(nn.LSTM, 2), "ids", {0: "batch", 1: "length"}, [(3, 9), (2, 4)], ["tags"]),
    ("gru", lambda: Recurrent(nn.GRU, 1), "ids", {0: "batch", 1: "length"}, [(3, 9), (2, 4)], ["tags"]),
    ("transformer", Transformer, "ids", {0: "batch", 1: "length"}, [(3, 9), (2, 4)], ["tags", "kind"]),
    ("embedding_bag", Bag, "ids", {0: "batch", 1: "length"}, [(3, 9), (2, 4)], ["scores"]),
]


# TorchScript writes the length of its example into nn.MultiheadAttention.
FIXED = {("transformer", False)}


def export(model, example, path, name, dims, outputs, dynamo):
    if dynamo:
        sizes = {d: torch.export.Dim.DYNAMIC for d in dims}
        torch.onnx.export(
            model, (example,), path, input_names=[name], output_names=outputs, dynamo=True, dynamic_shapes=(sizes,),
            external_data=False, verbose=False,
        )
        return
    torch.onnx.export(
        model, (example,), path, input_names=[name], output_names=outputs, dynamo=False, opset_version=17,
        dynamic_axes={name: dims, **{o: {0: "batch"} for o in outputs}},
    )


def make(folder):
    torch.backends.mha.set_fastpath_enabled(False)  # one fused operator that no exporter knows
    for name, build, given, dims, sizes, outputs in MODELS:
        for dynamo in (True, False):
            torch.manual_seed(1)
            model = build().eval()
            runs = []
            for size in sizes:
                if (name, dynamo) in FIXED:
                    size = (size[0], sizes[0][1])
                x = torch.randn(*size, 6) if given == "x" else texts(*size, padding=name == "transformer")
                with torch.no_grad():
                    y = model(x)
                y = y if isinstance(y, tuple) else (y,)
                runs.append(({given: x.numpy()}, {o: v.numpy() for o, v in zip(outputs, y)}))
            file = f"torch_{name}_{'dynamo' if dynamo else 'script'}"
            example = torch.from_numpy(runs[0][0][given])
            export(model, example, str(pathlib.Path(folder) / f"{file}.onnx"), given, dims, outputs, dynamo)
            exporter = f"PyTorch {torch.__version__.split('+')[0]}, {'torch.export' if dynamo else 'TorchScript'}"
            about = type(model).__doc__.rstrip(".")
            if (name, dynamo) in FIXED:
                about += "; for one length, which TorchScript writes into the file"
            case.write(folder, file, exporter, runs, about=about)

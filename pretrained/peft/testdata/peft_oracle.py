"""Adapters by PEFT, for oracle_test.go.

make DIR   small random models with random adapters of several kinds: in DIR/<kind>
           the model (base), the adapter, and the weights that PEFT merges (merged)
check DIR  what PEFT makes of the adapters that are in DIR/<kind>/ours by now: outputs
           equal to those with DIR/<kind>/adapter
merge DIR  merges DIR/<kind>/ours into DIR/<kind>/ours_merged
"""

import pathlib
import sys
import warnings

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
warnings.simplefilter("ignore", FutureWarning)

SIZES = dict(vocab_size=60, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24, max_position_embeddings=20)
IDS = torch.arange(3, 15).reshape(2, 6)

BERT = transformers.BertModel
KINDS = {
    "plain": (BERT, dict(r=4, lora_alpha=8, target_modules=["query", "value"], lora_dropout=0.1)),
    "all_linear": (BERT, dict(r=2, lora_alpha=3, target_modules="all-linear")),
    "expression": (BERT, dict(r=2, lora_alpha=3, target_modules=r".*\.1\..*(key|output\.dense)")),
    "stabilized": (BERT, dict(r=9, lora_alpha=6, target_modules=["key", "intermediate.dense"], use_rslora=True)),
    "upper_layers": (BERT, dict(r=3, lora_alpha=5, target_modules=["query", "dense"], layers_to_transform=[1, 2])),
    "pooler_saved": (BERT, dict(r=2, lora_alpha=4, target_modules=["query"], modules_to_save=["pooler"])),
    "classifier": (
        transformers.BertForSequenceClassification,
        dict(r=2, lora_alpha=4, target_modules=["query", "value"], task_type="SEQ_CLS"),
    ),
    "distilbert": (transformers.DistilBertModel, dict(r=2, lora_alpha=4, target_modules=["q_lin", "lin1"])),
    "bfloat16": (BERT, dict(r=4, lora_alpha=8, target_modules=["query", "value"])),
}


def base_of(folder, cls):
    return cls.from_pretrained(folder / "base").eval()


def outputs(model):
    with torch.no_grad():
        out = model(input_ids=IDS, return_dict=True)
    return torch.cat([v.flatten() for v in out.values()])


def randomize(model):
    """Adapters start with B = 0: draw all that training would change."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad:
                p.copy_(torch.randn_like(p) * 0.5)


def make(folder, cls, options):
    config = transformers.DistilBertConfig(
        vocab_size=60, dim=16, n_layers=3, n_heads=2, hidden_dim=24, max_position_embeddings=20
    ) if cls is transformers.DistilBertModel else transformers.BertConfig(**SIZES)
    cls(config).save_pretrained(folder / "base")
    model = get_peft_model(base_of(folder, cls), LoraConfig(**options))
    randomize(model)
    if folder.name == "bfloat16":
        model = model.to(torch.bfloat16)
    model.save_pretrained(folder / "adapter")
    if folder.name == "bfloat16":
        model = PeftModel.from_pretrained(base_of(folder, cls), folder / "adapter").eval().float()
    weights(model, folder / "merged.safetensors")


def weights(model, path):
    merged = model.merge_and_unload()
    save_file({k: v.contiguous() for k, v in merged.state_dict().items()}, path)


def check(folder, cls, options):
    plain = outputs(base_of(folder, cls))
    want = outputs(PeftModel.from_pretrained(base_of(folder, cls), folder / "adapter").eval())
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # PEFT warns where adapters lack a tensor
        model = PeftModel.from_pretrained(base_of(folder, cls), folder / "ours").eval()
    got = outputs(model)
    assert torch.equal(got, want), f"{folder.name}: outputs differ by {(got - want).abs().max()}"
    assert (got - plain).abs().max() > 1e-3, f"{folder.name}: the adapter changes nothing"


def merge(folder, cls, options):
    model = PeftModel.from_pretrained(base_of(folder, cls), folder / "ours").eval()
    weights(model, folder / "ours_merged.safetensors")


def main():
    torch.manual_seed(7)
    verb, root = globals()[sys.argv[1]], pathlib.Path(sys.argv[2])
    for kind, (cls, options) in KINDS.items():
        (root / kind).mkdir(exist_ok=True)
        verb(root / kind, cls, options)


main()

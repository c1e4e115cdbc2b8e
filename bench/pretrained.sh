#!/usr/bin/env bash
# Times MiniLM here and in PyTorch, one after the other and all of it several times over,
# and prints a table of medians: the training step with two heads, all weights, by LoRA,
# with heads alone and with heads on cached features. COMPILE= adds torch.compile, which
# takes a minute for each.
set -euo pipefail
cd "$(dirname "$0")/.."
env="$PWD/.env"
out=bench/out
rounds=${ROUNDS:-3}
export ESPALIER_MINILM="$env/minilm/model" ESPALIER_ORT_LIBRARY="$env/ort/libonnxruntime.so"
mkdir -p "$out"
go build -o "$out/pretrained" ./bench/pretrained
: > "$out/pretrained.jsonl"
for _ in $(seq "$rounds"); do
  for length in 32 64; do
    for tune in all lora none; do "$out/pretrained" -tune "$tune" -length "$length" >> "$out/pretrained.jsonl"; done
  done
  "$env/torch/bin/python" -B bench/peers/minilm_step.py --only train --seconds 5 ${COMPILE---no-compile} >> "$out/pretrained.jsonl"
done
"$env/python/bin/python" bench/pretrained.py "$out/pretrained.jsonl"

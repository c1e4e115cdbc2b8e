#!/usr/bin/env bash
# Times steps and epochs of the SNIPS recipe with a BiLSTM, with softmax and with
# a CRF over the slots, and with all that examples/snips.yaml has.
set -euo pipefail
cd "$(dirname "$0")/.."
env="$PWD/.env"
out=bench/out
mkdir -p "$out"
go build -o "$out/epoch" ./bench/epoch
: > "$out/epochs.jsonl"
data=../shared/data/snips
plain=(-set "trunk.characters={type: none}" -set trunk.dropout=0 -set trunk.embedding_dropout=0
  -set trunk.rare_word_dropout=0 -set train.average=0 -set train.clip_norm=0)
recipe=(--crf --characters 64 --dropout 0.5 --embedding-dropout 0.3 --clip 5)
ours() { "$out/epoch" -epochs 2 "$@" >> "$out/epochs.jsonl"; }
peer() { "$env/bench/bin/python" "bench/peers/$1" --data "$data" --epochs 2 "${@:2}" >> "$out/epochs.jsonl"; }
for _ in $(seq "${ROUNDS:-3}"); do
  ours -model BiLSTM "${plain[@]}" -set tasks.slots.crf=false
  peer torch_snips.py --model BiLSTM
  peer torch_snips.py --model BiLSTM --packed
  peer keras_snips.py --model BiLSTM
  ours -model BiLSTM-CRF "${plain[@]}"
  peer torch_snips.py --model BiLSTM-CRF --crf
  peer torch_snips.py --model BiLSTM-CRF --crf --packed
  ours -model "the recipe"
  peer torch_snips.py --model "the recipe" "${recipe[@]}"
  peer torch_snips.py --model "the recipe" "${recipe[@]}" --packed
done
"$env/python/bin/python" bench/table.py "$out/epochs.jsonl"

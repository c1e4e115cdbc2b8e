#!/usr/bin/env bash
# Times the training step of the benchmark models in Espalier, PyTorch and
# Keras, and steps and epochs of the SNIPS recipe, one after the other and all of
# it several times over, and prints two tables. The frameworks take turns so that
# a slow minute of the machine hits all of them.
set -euo pipefail
cd "$(dirname "$0")/.."
env="$PWD/.env"
out=bench/out
rounds=${ROUNDS:-3}
mkdir -p "$out"
go build -o "$out/step" ./bench/step
: > "$out/steps.jsonl"
peer() { "$env/bench/bin/python" "bench/peers/$1" "${@:2}" >> "$out/steps.jsonl"; }
for _ in $(seq "$rounds"); do
  for layers in 0 2; do
    "$out/step" -layers "$layers" >> "$out/steps.jsonl"
    "$out/step" -layers "$layers" -dense >> "$out/steps.jsonl"
    peer torch_step.py --layers "$layers"
    peer torch_step.py --layers "$layers" --sparse
    peer keras_step.py --layers "$layers"
  done
done
"$env/python/bin/python" bench/table.py "$out/steps.jsonl"
echo
bench/recurrent.sh
echo
for layers in 0 2; do "$out/step" -layers "$layers" -share; done
echo
bench/balance.sh
echo
go run ./bench/heads
echo
bench/pretrained.sh

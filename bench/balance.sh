#!/usr/bin/env bash
# Times what it costs to balance tasks: the ways in one process, which take turns
# step by step, and TorchJD in another, which takes turns with it round by round;
# then the ways with other sharing structures. Prints a table.
set -euo pipefail
cd "$(dirname "$0")/.."
env="$PWD/.env"
out=bench/out
rounds=${ROUNDS:-5}
steps=${STEPS:-20}
mkdir -p "$out"
go build -o "$out/step" ./bench/step
: > "$out/balance.jsonl"
for _ in $(seq "$rounds"); do
    "$out/step" -layers 2 -balance -steps "$steps" >> "$out/balance.jsonl"
    "$env/torch/bin/python" -W ignore bench/peers/torchjd_step.py --steps "$steps" >> "$out/balance.jsonl"
done
for sharing in mmoe ple mtan cross_stitch; do
    "$out/step" -layers 2 -balance -sharing "$sharing" -steps "$steps" >> "$out/balance.jsonl"
done
"$env/python/bin/python" bench/balance.py "$out/balance.jsonl"

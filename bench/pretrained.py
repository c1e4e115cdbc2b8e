"""Prints the lines of JSON that bench/pretrained.sh wrote as a Markdown table: medians of the rounds' medians, and
how many times as long PyTorch takes as Espalier."""

import collections
import json
import statistics
import sys

WAYS = {"all": "all weights", "full": "all weights", "lora": "LoRA, rank 8 of query and value", "none": "heads, frozen trunk", "frozen": "heads, frozen trunk", "cached": "heads on cached features"}


def main(path):
    runs = collections.defaultdict(list)
    with open(path) as lines:
        for line in map(json.loads, lines):
            if line["framework"] == "espalier":
                way, shape = line["model"].split(", ")
                batch, length = shape.split(" x ")
                name = "Espalier"
            else:
                if line["kind"] != "train":
                    continue
                way, batch, length = line["way"], line["batch"], line["length"]
                name = "PyTorch, compiled" if line["compiled"] else "PyTorch"
            runs[list(WAYS.values()).index(WAYS[way]), WAYS[way], f"{batch} x {length}", name].append(line)
    print("| what learns | batch | framework | step, ms | tokens/s | peak memory, MB | time against Espalier's |")
    print("|---|---|---|---|---|---|---|")
    for (order, way, shape, name), of in sorted(runs.items()):
        ms = statistics.median(r["median_ms"] for r in of)
        memory = statistics.median(r["peak_rss_mb"] for r in of)
        ours = runs.get((order, way, shape, "Espalier"))
        against = f"{ms / statistics.median(r['median_ms'] for r in ours):.2f}x" if ours else ""
        batch, length = map(int, shape.split(" x "))
        print(f"| {way} | {shape} | {name} | {ms:.1f} | {1e3 * batch * length / ms:.0f} | {memory:.0f} | {against} |")


if __name__ == "__main__":
    main(sys.argv[1])

"""Prints the lines of JSON that the benchmarks wrote as one Markdown table: medians of the rounds' medians,
and how many times faster Espalier with lazy rows is than each."""

import collections
import json
import statistics
import sys

OURS = "espalier, lazy rows", "espalier"


def main(path):
    rounds = collections.defaultdict(list)
    with open(path) as lines:
        for line in lines:
            run = json.loads(line)
            rounds[run["model"], run["framework"]].append(run)
    epochs = any("epoch_s" in run for runs in rounds.values() for run in runs)
    print("| model | framework | step, ms | fastest, ms | peak memory, MB | time against Espalier's |", end="")
    print(" epoch, s | against Espalier's |" if epochs else "")
    print("|---|---|---|---|---|---|" + "---|---|" * epochs)
    for (model, framework), runs in sorted(rounds.items()):
        def middle(key):
            return statistics.median(r[key] for r in runs)

        def ours(key):
            return statistics.median(r[key] for name in OURS for r in rounds.get((model, name), []))

        print(
            f"| {model} | {framework} | {middle('median_ms'):.2f} | {min(r['min_ms'] for r in runs):.2f} "
            f"| {middle('peak_rss_mb'):.0f} | {middle('median_ms') / ours('median_ms'):.2f}x |",
            end=f" {middle('epoch_s'):.1f} | {middle('epoch_s') / ours('epoch_s'):.2f}x |\n" if epochs else "\n",
        )


if __name__ == "__main__":
    main(sys.argv[1])

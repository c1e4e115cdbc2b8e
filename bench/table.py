"""Prints the lines of JSON that the benchmarks wrote as one Markdown table: medians of the rounds' medians,
and how many times faster Espalier with lazy rows is than each."""

import collections
import json
import statistics
import sys


def main(path):
    rounds = collections.defaultdict(list)
    with open(path) as lines:
        for line in lines:
            run = json.loads(line)
            rounds[run["model"], run["framework"]].append(run)
    print("| model | framework | step, ms | fastest, ms | peak memory, MB | time against Espalier's |")
    print("|---|---|---|---|---|---|")
    for (model, framework), runs in sorted(rounds.items()):
        def middle(key):
            return statistics.median(r[key] for r in runs)

        ours = statistics.median(r["median_ms"] for r in rounds[model, "espalier, lazy rows"])
        print(
            f"| {model} | {framework} | {middle('median_ms'):.2f} | {min(r['min_ms'] for r in runs):.2f} "
            f"| {middle('peak_rss_mb'):.0f} | {middle('median_ms') / ours:.2f}x |"
        )


if __name__ == "__main__":
    main(sys.argv[1])

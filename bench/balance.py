"""Prints the lines of JSON that balance.sh gathers as a Markdown table: the medians of the rounds' medians and the
fastest steps, each beside the plain step of the same sharing structure and beside TorchJD's."""

import collections
import json
import statistics
import sys

HEAD = "sharing", "step", "median, ms", "fastest, ms", "median by the plain one", "fastest", "by TorchJD's", "fastest"


def main(path):
    rounds = collections.defaultdict(list)
    with open(path) as lines:
        for line in lines:
            run = json.loads(line)
            rounds[run.get("sharing", "hard"), run["framework"]].append(run)

    def times(key):
        runs = rounds[key]
        return statistics.median(run["median_ms"] for run in runs), min(run["min_ms"] for run in runs)

    peer = next((times(key) for key in rounds if key[1].startswith("TorchJD")), None)
    print("| " + " | ".join(HEAD) + " |")
    print("|" + "---|" * len(HEAD))
    for sharing, framework in rounds:
        ours, plain = times((sharing, framework)), times((sharing, "espalier, plain"))
        row = [sharing, framework] + [f"{x:.1f}" for x in ours] + [f"{x / y:.2f}" for x, y in zip(ours, plain)]
        row += [f"{x / y:.2f}" for x, y in zip(ours, peer)] if peer and sharing == "hard" else ["", ""]
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main(sys.argv[1])

"""Reads the SNIPS training data for the peers' scripts: ids, characters, labels and batches, as NumPy arrays."""

import os

import numpy


class Snips:
    def __init__(self, root):
        def lines(name):
            with open(os.path.join(root, "train", name)) as f:
                return [line.split() for line in f]

        texts = [[word.lower() for word in row] for row in lines("seq.in")]
        tags, intents = lines("seq.out"), [row[0] for row in lines("label")]

        def index(names, *first):
            return {name: i for i, name in enumerate([*first, *sorted(set(names))])}

        self.words = index((w for row in texts for w in row), "", "?")
        self.alphabet = index((c for row in texts for w in row for c in w), "", "?")
        self.tags = index(t for row in tags for t in row)
        self.intents = index(intents)
        self.ids = [numpy.array([self.words[w] for w in row]) for row in texts]
        self.slots = [numpy.array([self.tags[t] for t in row]) for row in tags]
        self.intent = numpy.array([self.intents[i] for i in intents])
        self.letters = {w: [self.alphabet[c] for c in w[:20]] for w in self.words}
        self.texts = texts

    def plan(self, size, draw):
        """The batches of an epoch: examples of like length stand together."""
        order = list(range(len(self.ids)))
        draw.shuffle(order)
        for start in range(0, len(order), 50 * size):
            order[start : start + 50 * size] = sorted(order[start : start + 50 * size], key=lambda i: len(self.ids[i]))
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        draw.shuffle(batches)
        return batches

    def batch(self, rows, characters):
        lengths = numpy.array([len(self.ids[i]) for i in rows])
        shape = len(rows), lengths.max()
        ids, slots = numpy.zeros(shape, "int64"), numpy.full(shape, -1, "int64")
        width = max(len(self.letters[w]) for i in rows for w in self.texts[i]) if characters else 1
        letters = numpy.zeros((*shape, width), "int64")
        for row, i in enumerate(rows):
            ids[row, : lengths[row]] = self.ids[i]
            slots[row, : lengths[row]] = self.slots[i]
            if characters:
                for j, word in enumerate(self.texts[i]):
                    letters[row, j, : len(self.letters[word])] = self.letters[word]
        return ids, letters, lengths, self.intent[rows], slots, ids > 0

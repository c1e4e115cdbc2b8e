"""Writes golden.json: small texts and tables, and what scikit-learn makes of them. Run with scikit-learn 1.9:

    python golden.py > golden.json
"""

import json
import random

import numpy as np
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import OneHotEncoder, StandardScaler

draw = random.Random(7)
words = ["red", "green", "apple", "car", "fast", "old", "pear", "house", "good", "bad", "very", "not"]
topics = ["fruit", "place", "thing"]
own = {"fruit": ["apple", "pear"], "place": ["house", "old"], "thing": ["car", "fast"]}


def example():
    topic = draw.choice(topics)
    text = [draw.choice(own[topic] if draw.random() < 0.3 else words) for _ in range(draw.randint(1, 9))]
    moods = [m for m in ("good", "bad") if m in text or draw.random() < 0.1]
    score = round(100 + 3 * text.count("very") - 5 * text.count("not") + draw.gauss(0, 1), 3)
    return {
        "text": " ".join(text), "topic": topic, "moods": moods, "score": score,
        "size": round(draw.gauss(50, 10), 2), "load": round(draw.expovariate(0.01), 2), "kind": draw.choice("abc"),
    }


train, test = [example() for _ in range(60)], [example() for _ in range(15)]
# The columns say something of the topic and the score, too.
for row in train + test:
    row["size"] += 8 * topics.index(row["topic"])
    row["score"] = round(row["score"] + 0.2 * row["size"] + (2 if row["kind"] == "a" else 0), 3)


def column(rows, name):
    return [row[name] for row in rows]


def logistic(x, y, c):
    model = LogisticRegression(C=c, solver="liblinear", tol=1e-12, max_iter=1000000)
    return model.fit(x, y)


def decisions(x, z, y, c):
    return [logistic(x, [label == topic for label in y], c).decision_function(z).tolist() for topic in topics]


tfidf = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, analyzer="word", token_pattern=r"\S+")
x, z = tfidf.fit_transform(column(train, "text")), tfidf.transform(column(test, "text"))
names = tfidf.get_feature_names_out()

scaler, hot = StandardScaler(), OneHotEncoder()
numbers = [[row["size"], row["load"]] for row in train], [[row["size"], row["load"]] for row in test]
kinds = [[row["kind"]] for row in train], [[row["kind"]] for row in test]
tx = np.hstack([scaler.fit_transform(numbers[0]), hot.fit_transform(kinds[0]).toarray()])
tz = np.hstack([scaler.transform(numbers[1]), hot.transform(kinds[1]).toarray()])

json.dump({
    "sklearn": sklearn.__version__,
    "train": train,
    "test": test,
    # Of each test text its features by name.
    "tfidf": [{names[j]: z[i, j] for j in z[i].indices} for i in range(z.shape[0])],
    "features": len(names),
    "text": {
        "logistic": {str(c): decisions(x, z, column(train, "topic"), c) for c in (0.3, 10)},
        "ridge": {str(a): Ridge(alpha=a, solver="cholesky").fit(x.toarray(), column(train, "score")).predict(z.toarray()).tolist() for a in (0.1, 3)},
    },
    "table": {
        "logistic": {str(c): decisions(tx, tz, column(train, "topic"), c) for c in (0.01, 1)},
        "ridge": {str(a): Ridge(alpha=a, solver="cholesky").fit(tx, column(train, "score")).predict(tz).tolist() for a in (1, 100)},
    },
}, fp=__import__("sys").stdout, indent=None, separators=(",", ":"))

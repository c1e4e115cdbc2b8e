"""Models of scikit-learn, by skl2onnx."""

import pathlib

import numpy as np
import skl2onnx
import sklearn
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

import case

TEXTS = [
    "the train to porto was late", "we loved the food in porto", "the food was cold", "a lovely train",
    "what a lovely lovely day", "late again and cold again", "we loved it", "cold and late",
]
FEELINGS = ["bad", "good", "bad", "good", "good", "bad", "good", "bad"]
COLOURS = [["red", "small"], ["green", "large"], ["blue", "small"], ["red", "large"], ["green", "small"], ["blue", "large"]]


def numbers():
    random = np.random.default_rng(3)
    x = (random.standard_normal((90, 4)) * [1, 5, 0.2, 30] + [0, 3, 1, 100]).astype(np.float32)
    score = (x[:, 0] + x[:, 1] / 5 - (x[:, 3] - 100) / 30).astype(np.float32)
    return x, np.digitize(score, [0, 1.2]), score


def classified(model, x):
    return {"label": model.predict(x), "probabilities": model.predict_proba(x)}


def write(folder, name, model, types, given, answer, *, options=None, about, output=None):
    onnx = to_onnx(model, initial_types=types, options=options, target_opset={"": 18, "ai.onnx.ml": 3})
    (pathlib.Path(folder) / f"sklearn_{name}.onnx").write_bytes(onnx.SerializeToString())
    names = [o.name for o in onnx.graph.output]
    runs = []
    for x in given:
        inputs = {t[0]: x for t in types} if not isinstance(x, dict) else x
        runs.append((inputs, dict(zip(names, answer(x).values()))))
    exporter = f"scikit-learn {sklearn.__version__}, skl2onnx {skl2onnx.__version__}"
    case.write(folder, f"sklearn_{name}", exporter, runs, about=about, output=output)


def tables(folder):
    x, kinds, score = numbers()
    rows = [("x", FloatTensorType([None, 4]))]
    given = [x[:7], x[7:8]]
    for name, model, about in [
        ("logistic", make_pipeline(StandardScaler(), LogisticRegression()), "Standardised numbers, logistic regression"),
        ("mlp", make_pipeline(StandardScaler(), MLPClassifier((16, 8), max_iter=60, random_state=0)), "Standardised numbers, dense layers"),
        ("boosted_classes", GradientBoostingClassifier(n_estimators=8, random_state=0), "Boosted trees for three labels"),
        ("tree", DecisionTreeClassifier(max_depth=5, random_state=0), "A decision tree"),
        ("forest", RandomForestClassifier(12, max_depth=5, random_state=0), "A forest"),
    ]:
        model.fit(x, kinds)
        write(folder, name, model, rows, given, lambda x, m=model: classified(m, x), options={"zipmap": False}, about=about)
    for name, model, about in [
        ("boosted_two", GradientBoostingClassifier(n_estimators=8, random_state=0), "Boosted trees for two labels"),
        ("forest_two", RandomForestClassifier(12, max_depth=5, random_state=0), "A forest for two labels"),
        ("logistic_two", make_pipeline(SimpleImputer(), Normalizer(), LogisticRegression()), "Missing numbers, rows of length 1, logistic regression for two labels"),
    ]:
        model.fit(x, kinds > 0)
        holes = [g.copy() for g in given]
        if name == "logistic_two":
            holes[0][1, 2] = np.nan

        def decided(x, m=model):
            return {"label": m.predict(x).astype(np.int64), "probabilities": m.predict_proba(x)}

        write(folder, name, model, rows, holes, decided, options={"zipmap": False}, about=about)
    for name, model, options, about in [
        ("linear_svm", LinearSVC(random_state=0), {LinearSVC: {"raw_scores": True}}, "A linear support vector machine"),
        ("svm", SVC(), {"zipmap": False}, "A support vector machine with a radial kernel"),
    ]:
        svm = make_pipeline(StandardScaler(), model).fit(x, kinds)

        def scored(x, m=svm):
            return {"label": m.predict(x), "scores": m.decision_function(x)}

        write(folder, name, svm, rows, given, scored, options=options, about=about)
    for name, model, about in [
        ("ridge", Ridge(), "Linear regression"),
        ("boosting", GradientBoostingRegressor(n_estimators=15, random_state=0), "Boosted trees"),
    ]:
        model.fit(x, score)
        write(folder, name, model, rows, given, lambda x, m=model: {"value": m.predict(x).reshape(-1, 1)}, about=about)


def strings(folder):
    texts, labels = np.array(TEXTS), np.array(FEELINGS)
    column = [("text", StringTensorType([None]))]
    given = [np.array(TEXTS[:3] + ["a cold lovely train in lisbon"]), np.array(["late"])]
    about = "TF-IDF of words and pairs of them in the graph, logistic regression"
    for name, lower in [("tfidf", False), ("tfidf_lower", True)]:
        model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), lowercase=lower), LogisticRegression()).fit(texts, labels)
        if lower:
            given, about = [np.char.title(x) for x in given], about + ", lower-casing"
        write(folder, name, model, column, given, lambda x, m=model: classified(m, x), options={"zipmap": False}, about=about)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    x, kinds, _ = numbers()
    model.fit(x, kinds)
    write(
        folder, "zipmap", model, [("x", FloatTensorType([None, 4]))], [x[:7]], lambda x: {"label": model.predict(x)},
        about="Standardised numbers, logistic regression, with ZipMap", output="a sequence of maps",
    )
    colours = np.array(COLOURS)
    sizes = np.array([[1.0], [2.5], [0.5], [3.0], [1.5], [2.0]], dtype=np.float32)
    both = np.concatenate([colours.astype(object), sizes], axis=1)
    encode = ColumnTransformer([("names", OneHotEncoder(handle_unknown="ignore"), [0, 1]), ("numbers", StandardScaler(), [2])])
    mixed = make_pipeline(encode, LogisticRegression()).fit(both, np.array([0, 1, 0, 1, 0, 1]))
    types = [("colour", StringTensorType([None, 1])), ("extent", StringTensorType([None, 1])), ("size", FloatTensorType([None, 1]))]

    def answer(x):
        return classified(mixed, np.concatenate([x["colour"].astype(object), x["extent"].astype(object), x["size"]], axis=1))

    given = [
        {"colour": colours[:4, :1], "extent": colours[:4, 1:], "size": sizes[:4]},
        {"colour": np.array([["violet"]]), "extent": np.array([["small"]]), "size": np.array([[2]], dtype=np.float32)},
    ]
    about = "Columns of strings one-hot beside standardised numbers, logistic regression"
    write(folder, "onehot", mixed, types, given, answer, options={"zipmap": False}, about=about)


def make(folder):
    tables(folder)
    strings(folder)

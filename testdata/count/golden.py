"""Writes golden.json: counts that depend on columns of numbers, and the Poisson regressions that scikit-learn 1.9.1 fits to them.

python golden.py. Coefficients are those of columns that are standardised by their mean and deviation, as of a population."""

import json
import pathlib

import numpy as np
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_poisson_deviance

rng = np.random.default_rng(5)
x = np.stack([rng.normal(40, 12, 240), rng.exponential(3, 240), rng.integers(0, 2, 240)], 1).round(3)
z = (x - x.mean(0)) / x.std(0)
y = rng.poisson(np.exp(0.7 + z @ [0.6, -0.3, 0.2]))


def fit(alpha):
    model = PoissonRegressor(alpha=alpha, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(z, y)
    return {
        "alpha": alpha, "coefficients": model.coef_.tolist(), "intercept": float(model.intercept_),
        "deviance": mean_poisson_deviance(y, model.predict(z)), "d2": model.score(z, y), "predictions": model.predict(z[:20]).tolist(),
    }


(pathlib.Path(__file__).parent / "golden.json").write_text(json.dumps({"x": x.tolist(), "y": y.tolist(), "fits": [fit(0), fit(0.1)]}) + "\n")

"""Writes ordinal.json: data drawn from a model of proportional odds, and what statsmodels 0.15.0's OrderedModel makes of it.

Run it with an interpreter that has statsmodels: python golden.py. Labels are 0 to 4; nothing has label 3 more than 20 times."""

import json
import pathlib

import numpy as np
from statsmodels.miscmodels.ordinal_model import OrderedModel

rng = np.random.default_rng(5)
n = 400
x = (rng.normal(size=(n, 3)) * [1, 20, 0.5] + [0, 100, -3]).round(3)
latent = x @ [0.9, -0.04, 1.5] + rng.logistic(size=n)
y = np.searchsorted([-11.0, -9.2, -7.8, -7.5], latent)
m = OrderedModel(y, x, distr="logit")
r = m.fit(method="newton", maxiter=200, tol=1e-14, disp=False)
r = m.fit(start_params=r.params, method="bfgs", gtol=1e-9, maxiter=2000, disp=False)
pathlib.Path(__file__).with_name("ordinal.json").write_text(json.dumps({
    "x": x.tolist(), "y": y.tolist(), "mean": x.mean(0).tolist(), "deviation": x.std(0).tolist(),
    "coefficients": r.params[:3].tolist(), "thresholds": m.transform_threshold_params(r.params)[1:-1].tolist(),
    "log_likelihood": float(r.llf), "probabilities": m.predict(r.params, x[:4]).tolist(),
}) + "\n")
print(np.bincount(y), np.abs(m.score(r.params)).max())

"""Writes what TorchJD answers on random gradients and losses, as gzipped JSON.

Random draws inside TorchJD are recorded beside its answers, so that the same
draws can be given to another implementation. Numbers going in are exact in
float32; all arithmetic is in float64.
"""

import gzip
import json
import sys
import warnings

import numpy as np
import torch
from torchjd import aggregation as agg
from torchjd import scalarization as sca

warnings.filterwarnings("ignore")
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

KINDS = ["conflicting", "aligned", "dependent", "badly scaled", "plain"]


def draw(rng, kind, m, n):
    """One matrix of m gradients of n numbers."""
    a = rng.standard_normal((m, n))
    if kind == "conflicting":
        a[1::2] = 0.5 * a[1::2] - a[0 : 2 * (m // 2) : 2]
    elif kind == "aligned":
        a = np.abs(a)
    elif kind == "dependent":  # whole numbers: dependent to the last bit
        r = max(1, m // 2)
        a = rng.integers(-2, 3, (m, r)) @ rng.integers(-4, 5, (r, n))
        a[0, 0] += 1  # not all zero
    elif kind == "badly scaled":
        a *= 10.0 ** rng.uniform(-1.5, 1.5, (m, 1))
    return a.astype(np.float32).astype(np.float64)


class Recorder:
    """Keeps what torch draws while it is in place."""

    def __init__(self, name):
        self.name, self.draws = name, []

    def __enter__(self):
        self.plain = getattr(torch, self.name)

        def drawn(*args, **kwargs):
            value = self.plain(*args, **kwargs)
            self.draws.append(value.tolist())
            return value

        setattr(torch, self.name, drawn)
        return self.draws

    def __exit__(self, *_):
        setattr(torch, self.name, self.plain)


def aggregators(a, b, answers):
    """Combined gradients; methods with a memory see a, b, a."""
    for name, method in [
        ("mgda", agg.MGDA(epsilon=1e-9, max_iters=1000)),
        ("cagrad", agg.CAGrad(c=0.5)),
        ("imtl-g", agg.IMTLG()),
        ("aligned-mtl min", agg.AlignedMTL()),
        ("aligned-mtl median", agg.AlignedMTL(scale_mode="median")),
        ("aligned-mtl rmse", agg.AlignedMTL(scale_mode="rmse")),
        ("upgrad", agg.UPGrad()),
        ("dualproj", agg.DualProj()),
        ("config", agg.ConFIG()),
        ("equal", agg.Sum()),
    ]:
        answers[name] = [method(a).tolist()]
    for alpha in (0.5, 1, 2):
        answers[f"fairgrad {alpha}"] = [agg.FairGradWeighting(alpha=alpha)(a @ a.T).tolist()]
    try:
        answers["nash-mtl"] = [agg.NashMTL(len(a), max_norm=0.0).weighting(a).tolist()]
    except Exception:  # its solver gives up on some dependent gradients
        pass
    with Recorder("randperm") as draws:
        answers["pcgrad"] = [agg.PCGrad()(a).tolist()]
    answers["pcgrad draws"] = draws
    with Recorder("rand") as draws:
        answers["graddrop"] = [agg.GradDrop()(a).tolist()]
    answers["graddrop draws"] = draws
    vac = agg.GradVac()
    with Recorder("randperm") as draws:
        answers["gradvac"] = [vac(x).tolist() for x in (a, b, a)]
    answers["gradvac draws"] = draws
    for name, method in [
        ("excess-mtl", agg.ExcessMTL(robust_step_size=0.01, n_warmup_steps=1)),
        ("upgrad smooth", agg.GramianWeightedAggregator(agg.CRMOGMWeighting(agg.UPGradWeighting()))),
    ]:
        answers[name] = [method(x).tolist() for x in (a, b, a)]
    for name, method in [("modo", agg.MoDoWeighting(gamma=0.1)), ("sdmgrad", agg.SDMGradWeighting(lr=5.0))]:
        answers[name] = [method(x @ y.T).tolist() for x, y in ((a, b), (b, a), (a, a))]


def weights_of(method, losses):
    """The derivatives of a scalarization by the losses."""
    x = losses.clone().requires_grad_()
    return torch.autograd.grad(method(x), x)[0].tolist()


def scalarizers(losses, after, answers):
    """Weights at a sequence of losses."""
    m = losses.shape[1]
    for name, method in [
        ("gls", sca.GeometricMean()),
        ("stch linear", sca.STCH(mu=0.5, reference=torch.full((m,), 0.05))),
    ]:
        answers[name] = [weights_of(method, x) for x in losses]
    for name, method in [("uncertainty", sca.UW(m)), ("imtl-l", sca.IMTLL(m))]:
        adam, out = torch.optim.Adam(method.parameters(), lr=0.01), []
        for x in losses:
            out.append(weights_of(method, x))
            adam.zero_grad()
            method(x).backward()
            adam.step()
        answers[name] = out
    famo, out = sca.FAMO(m), []
    for x, y in zip(losses, after, strict=True):
        out.append(weights_of(famo, x))
        famo.update(y)
    answers["famo"] = out
    dwa, out = sca.DWA(), []
    for x in losses:
        out.append(weights_of(dwa, x))
        dwa.step()
    answers["dwa"] = out
    with Recorder("randn") as draws:
        answers["rlw"] = [weights_of(sca.Random(), losses[0])]
    answers["rlw draws"] = draws


def shorter(value):
    """Answers with 10 digits."""
    if isinstance(value, dict):
        return {k: shorter(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shorter(v) for v in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


def single(matrix):
    """Numbers with the digits that single precision needs."""
    return [[float(str(np.float32(x))) for x in row] for row in matrix]


def main(path, count):
    rng = np.random.default_rng(20240616)
    torch.manual_seed(1)
    cases = []
    for i in range(count):
        kind, m = KINDS[i % len(KINDS)], 2 + (i // len(KINDS)) % 9
        n = m + int(rng.integers(0, 8))
        a, b = draw(rng, kind, m, n), draw(rng, kind, m, n)
        losses, after = rng.uniform(0.1, 3, (5, m)).round(6), rng.uniform(0.1, 3, (5, m)).round(6)
        answers = {}
        aggregators(torch.tensor(a), torch.tensor(b), answers)
        case = {"kind": kind, "a": single(a), "b": single(b), "answers": answers}
        if i % 5 == 0:
            scalarizers(torch.tensor(losses), torch.tensor(after), answers)
            case |= {"losses": losses.tolist(), "after": after.tolist()}
        cases.append(case | {"answers": shorter(answers)})
    with gzip.GzipFile(path, "wb", mtime=0) as f:
        f.write(json.dumps({"torchjd": "0.18.0", "cases": cases}).encode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500)

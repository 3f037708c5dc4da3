#!/usr/bin/python3
"""metac beside PyTorch in f64: random cases of every function that torch has, and whole second-order MAML.

    tests/parity/compare.py [--cases build/release/tests/parity_cases] [--seed 1] [--count 3] [--worst]

`parity_cases` draws the cases and writes operands, results and derivatives; each is computed again here, by torch's own
autograd. Both have to agree within a relative difference of 1e-8: of the largest difference to the largest number of a tensor (or
to 1e-6, where that is larger). Where torch is not installed it says `skipped`; exit code 1 where something differs.

Conventions that differ, and how they are mapped:
    images and weights      channels are last in metac: `first`, `last`, `filters`
    signs of factors        qr, symmetric_eigen and singular_values of metac have one sign; torch's are turned to it
    softplus                torch is linear from 20 on; here from 100
    nearest                 metac's is torch's `nearest-exact`
    maximum, minimum        where equal, metac's derivative goes to the second, torch's to both by halves: never equal here
    lgamma, digamma         torch's derivative, the trigamma function, is right to nine digits only: `Trigamma` computes it by zeta
    batch norm              torch's has no right derivative of order 3: there it is written out
    sqrt, rsqrt, asin, ...  metac's derivatives at the edge of the domain are 0, torch's infinite: inside of it here
    scatter_set             of equal indices metac takes the last, torch says nothing: never equal here
"""
import argparse
import collections
import json
import math
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    print("skipped: PyTorch is not installed (Debian: python3-torch, for /usr/bin/python3)")
    sys.exit(0)

sys.path.insert(0, os.path.join(HERE, "..", "bench", "compare"))
import torch_workloads as workloads  # noqa: E402

LIMIT = 1e-8
SMALLEST = 1e-6

# Functions of ops.hpp that torch does not have, or that are no functions of values.
NOT_IN_TORCH = {
    "last_place": "no such function",
    "checked_labels": "an error of the run",
    "checked": "an error of the run",
    **dict.fromkeys(["key", "fold_in", "random", "distinct", "random_gamma", "random_log_gamma", "random_beta", "random_dirichlet",
                     "random_bernoulli", "random_categorical", "random_choice", "random_permutation", "random_below"],
                    "draws of another generator"),
    **dict.fromkeys(["input", "constant", "full", "zeros_like", "constant_value", "all_axes"], "makes or asks for leaves"),
    "alias": "in every case of MAML",
}


# ---- what the expressions of the cases use ----

def first(image):
    return image.movedim(-1, 1)


def last(image):
    return image.movedim(1, -1)


def filters(weights):
    return weights.permute(-1, -2, *range(weights.dim() - 2)).contiguous()  # torch.slow_conv2d needs that


def from_vector(vector, *like):
    parts = torch.split(vector, [x.numel() for x in like])
    return tuple(part.reshape(x.shape) for part, x in zip(parts, like))


def places(begin, size):
    return tuple(slice(b, b + n) for b, n in zip(begin.tolist(), size))


def block(a, begin, size):
    return a[places(begin, size)]


def write_block(a, values, begin):
    result = a.clone()
    result[places(begin, values.shape)] = values
    return result


def positive_columns(matrix):
    """1 or -1 for each column: makes its component of the largest size positive."""
    largest = torch.gather(matrix, -2, matrix.abs().argmax(-2, keepdim=True))
    return torch.sign(largest.detach())


def qr(a):
    q, r = torch.linalg.qr(a)
    turn = torch.sign(torch.diagonal(r, dim1=-2, dim2=-1).detach())
    return q * turn[..., None, :], r * turn[..., :, None]


def symmetric_eigen(a):
    values, vectors = torch.linalg.eigh(a)
    return values, vectors * positive_columns(vectors)


def singular_values(a):
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    v = vh.mT
    turn = positive_columns(u if a.shape[-2] < a.shape[-1] else v)
    return u * turn, s, v * turn


class Trigamma(torch.autograd.Function):
    """torch.polygamma(1, x) is right to nine digits only (1.13); zeta and polygamma from 2 on are right to the last ones."""

    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return torch.special.zeta(torch.full_like(x, 2), x)

    @staticmethod
    def backward(context, cotangent):
        return cotangent * polygamma(2, context.saved_tensors[0])


class Digamma(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return torch.digamma(x)

    @staticmethod
    def backward(context, cotangent):
        return cotangent * polygamma(1, context.saved_tensors[0])


class LogGamma(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        context.save_for_backward(x)
        return torch.lgamma(x)

    @staticmethod
    def backward(context, cotangent):
        return cotangent * polygamma(0, context.saved_tensors[0])


def polygamma(order, x):
    return Digamma.apply(x) if order == 0 else Trigamma.apply(x) if order == 1 else torch.polygamma(order, x)


# ---- whole second-order MAML: torch's own layers, and the loop over tasks of the benchmarks ----

def mlp_loss(w):
    parameters = [p.mT if p.dim() == 2 else p for p in w]
    return parameters, lambda p, x: workloads.mlp(p, x, torch.tanh), F.mse_loss


def batch_norm_written_out(x, mean, variance, scale, offset, training):
    """F.batch_norm keeps the statistics as constants in its derivative of order 2, so that of order 3 is wrong (torch 1.13)."""
    centred = x - x.mean((0, 2, 3), keepdim=True)
    deviation = torch.sqrt(centred.square().mean((0, 2, 3), keepdim=True) + 1e-5)
    return centred / deviation * scale[:, None, None] + offset[:, None, None]


def convolution_loss(w, norm=F.batch_norm):
    parameters = [filters(p) if p.dim() == 4 else p for p in w[:6]] + [head_of_images(w[6]), w[7]]
    return parameters, lambda p, x: workloads.conv_blocks(p, first(x), norm), lambda logits, y: F.cross_entropy(logits, y.long())


def written_out_convolution_loss(w):
    return convolution_loss(w, batch_norm_written_out)


def head_of_images(weights, size=2, channels=4):
    """From rows in the order height, width, channel to columns in the order channel, height, width."""
    return weights.reshape(size, size, channels, -1).permute(3, 2, 0, 1).flatten(1)


def lstm(p, x):
    h = c = torch.zeros(x.shape[0], p[1].shape[1], dtype=x.dtype)
    for step in range(x.shape[1]):
        h, c = torch.lstm_cell(x[:, step], (h, c), p[0], p[1], p[2], torch.zeros_like(p[2]))
    return F.linear(h, p[3], p[4])


def lstm_loss(w):
    return [w[0].mT, w[1].mT, w[2], w[3].mT, w[4]], lstm, F.mse_loss


def maml(of, x, weights, steps, rate):
    parameters, net, loss = of(x[:weights])
    losses = [workloads.adapted_loss(net, loss, parameters, task, rate, steps) for task in zip(*x[weights:])]
    return torch.stack(losses).mean()


# ---- comparing ----

DTYPES = {"f64": torch.float64, "i32": torch.int32, "bool": torch.bool}


def tensor(data):
    values = [math.nan if value is None else value for value in data["values"]]
    return torch.tensor(values, dtype=torch.float64).to(DTYPES[data["dtype"]]).reshape(data["shape"])


def tensors(list_of_data):
    return [tensor(data) for data in list_of_data]


def along(values, weights):
    return sum((v * w).sum() for v, w in zip(values, weights))


def derivative(scalar, variables):
    if not scalar.requires_grad:
        return [torch.zeros_like(v) for v in variables]
    found = torch.autograd.grad(scalar, variables, create_graph=True, allow_unused=True)
    return [torch.zeros_like(v) if d is None else d for v, d in zip(variables, found)]


def difference(given, expected):
    """Relative to the largest number expected; infinite where shapes or kinds differ."""
    if list(given.shape) != list(expected.shape):
        return math.inf
    if given.numel() == 0:
        return 0.0
    if not given.is_floating_point():
        return 0.0 if bool((given.to(torch.int64) == expected.to(torch.int64)).all()) else math.inf
    apart = (given - expected).abs().max().item()
    relative = apart / max(expected.abs().max().item(), SMALLEST)
    return math.inf if math.isnan(relative) else relative


def computed(case):
    """Name of a part -> its tensors, by torch."""
    x = tensors(case["operands"])
    variables = [t for t in x if t.is_floating_point()][:case["variables"]]
    for variable in variables:
        variable.requires_grad_()
    results = eval(case["expression"], globals(), {"x": x, **dict(zip("abcdefgh", x))})
    results = list(results) if isinstance(results, (tuple, list)) else [results]
    parts = {"results": results}
    if "weights" in case:
        seen = [r for r in results if r.is_floating_point()]
        scalar = along([torch.sin(r + 0.5) for r in seen] if case["through_sine"] else seen, tensors(case["weights"]))
        directions = case["directions"]
        for order in range(1, len(directions) + 2):
            parts[f"order {order}"] = derivative(scalar, variables)
            if order <= len(directions):
                scalar = along(parts[f"order {order}"], tensors(directions[order - 1]))
    return parts


def compare(case):
    """Name of a part -> its largest relative difference."""
    differences = {}
    for name, parts in computed(case).items():
        of_each = [difference(tensor(ours), theirs.detach()) for ours, theirs in zip(case[name], parts)]
        differences[name] = max(of_each) if len(case[name]) == len(parts) else math.inf
    return differences


def public_functions():
    with open(os.path.join(TOP, "engine", "ops", "ops.hpp")) as header:
        text = header.read()
    kinds = r"(?:std::vector<\w+>|std::optional<\w+>|Tensor|TopK|SignedLogarithm|QrFactors|SymmetricEigen|SingularValues)"
    return set(re.findall(rf"^{kinds} (\w+)\(", text, re.M)) - {"operator"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=os.path.join(TOP, "build", "release", "tests", "parity_cases"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--worst", action="store_true", help="print the largest difference of each function")
    options = parser.parse_args()
    torch.set_num_threads(1)
    command = [options.cases, "--seed", str(options.seed), "--count", str(options.count)]
    cases, failed, worst = 0, 0, collections.defaultdict(dict)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            case = json.loads(line)
            cases += 1
            try:
                differences = compare(case)
            except RuntimeError as error:
                raise RuntimeError(f"{case['function']}: {case['expression']}") from error
            for part, value in differences.items():
                worst[case["function"]][part] = max(value, worst[case["function"]].get(part, 0.0))
            if max(differences.values()) > LIMIT:
                failed += 1
                shapes = ", ".join(f"{o['dtype']}{o['shape']}" for o in case["operands"])
                print(f"{case['function']}: {case['expression']} of {shapes} differs:",
                      ", ".join(f"{part} by {value:.2g}" for part, value in differences.items()))
    if options.worst:
        for function, parts in sorted(worst.items()):
            print(f"{function:<36}", ", ".join(f"{part} {value:.1e}" for part, value in parts.items()))
    missing = sorted(public_functions() - set(worst) - set(NOT_IN_TORCH))
    if missing:
        print("neither compared nor said to be missing in torch:", ", ".join(missing))
    largest = max((value for parts in worst.values() for value in parts.values()), default=0.0)
    print(f"torch {torch.__version__}: {cases} cases of {len(worst)} functions, seed {options.seed}: largest relative difference "
          f"{largest:.1e}, {failed} beyond {LIMIT:.0e}")
    return 1 if failed or missing or process.returncode != 0 or cases == 0 else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Sine waves with MAML once more, without metac: NumPy in double precision, derivatives by hand (sinusoid.md).

    tests/ledger/sinusoid_by_hand.py --order 1 --seeds 1 2 3 [--iterations 70000]

Prints the mean squared error of the queries after one step on 5 points, mean and half of the 95 % interval over 4,000 tasks. The protocol
is that of Finn, Abbeel, Levine 2017, section 5.1. About a minute for a seed of order 1, two for one of order 2. Needs Debian's python3-numpy.
"""
import argparse

import numpy as np

INNER_RATE = 0.01
SIZES = [1, 40, 40, 1]


def draw_tasks(random, tasks, points):
    """x and y of [tasks, points, 1] each."""
    amplitude = random.uniform(0.1, 5.0, (tasks, 1, 1))
    phase = random.uniform(0.0, np.pi, (tasks, 1, 1))
    x = random.uniform(-5.0, 5.0, (tasks, points, 1))
    return x, amplitude * np.sin(x - phase)


def draw_parameters(random):
    """Weights from a normal distribution of deviation 0.01, cut at two deviations; biases 0."""
    parameters = []
    for rows, columns in zip(SIZES, SIZES[1:]):
        weight = random.normal(size=(rows, columns))
        while (outside := np.abs(weight) > 2).any():
            weight[outside] = random.normal(size=outside.sum())
        parameters += [0.01 * weight, np.zeros((1, columns))]
    return parameters


def transposed(x):
    return np.swapaxes(x, -1, -2)


def sum_of_points(x):
    return x.sum(axis=-2, keepdims=True)


def gradient(parameters, x, y, tangents=None):
    """Loss of each task and its gradient; with tangents, also the product of the Hessian with them."""
    w1, b1, w2, b2, w3, b3 = parameters
    z1 = x @ w1 + b1
    on1, h1 = z1 > 0, np.maximum(z1, 0)
    z2 = h1 @ w2 + b2
    on2, h2 = z2 > 0, np.maximum(z2, 0)
    error = h2 @ w3 + b3 - y
    scale = 2 / x.shape[-2]
    back3 = scale * error
    back2 = (back3 @ transposed(w3)) * on2
    back1 = (back2 @ transposed(w2)) * on1
    slopes = [transposed(x) @ back1, sum_of_points(back1), transposed(h1) @ back2, sum_of_points(back2),
              transposed(h2) @ back3, sum_of_points(back3)]
    losses = (error * error).mean(axis=(-1, -2))
    if tangents is None:
        return losses, slopes
    v1, c1, v2, c2, v3, c3 = tangents
    t1 = (x @ v1 + c1) * on1
    t2 = (t1 @ w2 + h1 @ v2 + c2) * on2
    moved3 = scale * (t2 @ w3 + h2 @ v3 + c3)
    moved2 = (moved3 @ transposed(w3) + back3 @ transposed(v3)) * on2
    moved1 = (moved2 @ transposed(w2) + back2 @ transposed(v2)) * on1
    products = [transposed(x) @ moved1, sum_of_points(moved1), transposed(t1) @ back2 + transposed(h1) @ moved2, sum_of_points(moved2),
                transposed(t2) @ back3 + transposed(h2) @ moved3, sum_of_points(moved3)]
    return losses, slopes, products


def adapted(parameters, support):
    _, slopes = gradient(parameters, *support)
    return [p - INNER_RATE * s for p, s in zip(parameters, slopes)]


def meta_gradient(parameters, support, query, order):
    """The gradient of the mean query loss after one step, by the parameters (equation 1 of the paper)."""
    _, outer = gradient(adapted(parameters, support), *query)
    if order == 2:
        _, _, products = gradient(parameters, *support, tangents=outer)
        outer = [o - INNER_RATE * p for o, p in zip(outer, products)]
    return [o.mean(axis=0) for o in outer]


def check_meta_gradient():
    """Against central differences, before anything is trained."""
    random = np.random.default_rng(0)
    parameters = [p + 0.3 * random.normal(size=p.shape) for p in draw_parameters(random)]
    support, query = draw_tasks(random, 3, 10), draw_tasks(random, 3, 10)
    direction = [random.normal(size=p.shape) for p in parameters]

    def loss(step):
        moved = [p + step * d for p, d in zip(parameters, direction)]
        return gradient(adapted(moved, support), *query)[0].mean()

    step = 1e-6
    expected = (loss(step) - loss(-step)) / (2 * step)
    given = sum((m * d).sum() for m, d in zip(meta_gradient(parameters, support, query, 2), direction))
    assert abs(given - expected) < 1e-6 * abs(expected), (given, expected)


def train(seed, order, iterations):
    random = np.random.default_rng(seed)
    parameters = draw_parameters(random)
    first, second = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    for step in range(1, iterations + 1):
        x, y = draw_tasks(random, 25, 20)
        slopes = meta_gradient(parameters, (x[:, :10], y[:, :10]), (x[:, 10:], y[:, 10:]), order)
        for p, m, v, slope in zip(parameters, first, second, slopes):  # Adam with its usual constants, rate 0.001
            m += 0.1 * (slope - m)
            v += 0.001 * (slope * slope - v)
            p -= 0.001 * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    x, y = draw_tasks(random, 4000, 15)
    losses, _ = gradient(adapted(parameters, (x[:, :5], y[:, :5])), x[:, 5:], y[:, 5:])
    return losses.mean(), 1.96 * losses.std(ddof=1) / np.sqrt(len(losses))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--order", type=int, choices=[1, 2], required=True)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--iterations", type=int, default=70_000)
    options = parser.parse_args()
    check_meta_gradient()
    for seed in options.seeds:
        mean, half = train(seed, options.order, options.iterations)
        print(f"order {options.order}  seed {seed}  {mean:.3f} +- {half:.3f}", flush=True)


if __name__ == "__main__":
    main()

"""The workloads of the comparison, in PyTorch 1.13: one process, one workload, driven line by line.

    python3 torch_workloads.py WORKLOAD VARIANT [--threads N]

Prints `ready` when one step was done; then, for each line `SECONDS` that it reads, repeats steps for that long and prints
their median in milliseconds and how many a second there were. Variants, as well as PyTorch allows:

    loop     a Python loop over the tasks, autograd with create_graph
    clone    the same as learn2learn does it: modules are cloned, parameters replaced one by one
    vmap     functorch: grad inside vmap over the tasks (grad outside of vmap is wrong with batch norm in 1.13)
    traced   the same, traced into one graph by make_fx
"""
import argparse
import math
import sys
import time

import torch
import torch.nn.functional as F

try:
    import functorch
    from functorch import grad, make_functional, vmap
    from functorch.experimental import functionalize  # noqa: F401  (tells an old functorch early)
    from functorch import make_fx
except ImportError:
    functorch = None


# ---- networks as functions of a list of parameters ----

def mlp_start(sizes):
    parameters = []
    for a, b in zip(sizes, sizes[1:]):
        parameters += [torch.randn(b, a) * math.sqrt(1 / a), torch.zeros(b)]
    return parameters


def mlp(parameters, x, activation=torch.relu):
    for i in range(0, len(parameters) - 2, 2):
        x = activation(F.linear(x, parameters[i], parameters[i + 1]))
    return F.linear(x, parameters[-2], parameters[-1])


def conv4_start(ways, channels=64):
    parameters, inputs = [], 1
    for _ in range(4):
        parameters += [torch.randn(channels, inputs, 3, 3) * 0.1, torch.ones(channels), torch.zeros(channels)]
        inputs = channels
    return parameters + ([torch.randn(ways, channels) * 0.1, torch.zeros(ways)] if ways else [])


def conv_blocks(parameters, x, norm=F.batch_norm):
    """Three parameters for each block; the last two, if there are, are those of a linear head."""
    for i in range(0, len(parameters) // 3 * 3, 3):
        x = F.conv2d(x, parameters[i], padding=1)
        x = norm(x, None, None, parameters[i + 1], parameters[i + 2], training=True)
        x = F.max_pool2d(torch.relu(x), 2)
    x = x.flatten(1)
    return F.linear(x, parameters[-2], parameters[-1]) if len(parameters) % 3 else x


# ---- second-order MAML ----

def adapted_loss(net, loss, parameters, task, rate, steps):
    """The loss on the query after `steps` gradient steps on the support, by autograd."""
    x, y, query_x, query_y = task
    weights = parameters
    for _ in range(steps):
        gradients = torch.autograd.grad(loss(net(weights, x), y), weights, create_graph=True)
        weights = [w - rate * g for w, g in zip(weights, gradients)]
    return loss(net(weights, query_x), query_y)


class Clone(torch.nn.Module):
    """A network whose parameters are attributes of modules, to be replaced one by one (learn2learn's update_module)."""

    def __init__(self, net, parameters):
        super().__init__()
        self.net, self.count = net, len(parameters)
        for i, p in enumerate(parameters):
            setattr(self, f"p{i}", torch.nn.Parameter(p))

    def clone(self):
        other = Clone.__new__(Clone)
        torch.nn.Module.__init__(other)
        other.net, other.count = self.net, self.count
        for i in range(self.count):
            other.__dict__[f"p{i}"] = self.value(i).clone()
        return other

    def value(self, i):
        return self.__dict__.get(f"p{i}", self._parameters.get(f"p{i}"))

    def forward(self, x):
        return self.net([self.value(i) for i in range(self.count)], x)

    def adapt(self, loss, rate):
        values = [self.value(i) for i in range(self.count)]
        gradients = torch.autograd.grad(loss, values, retain_graph=True, create_graph=True)
        for i, (value, gradient) in enumerate(zip(values, gradients)):
            self.__dict__[f"p{i}"] = value - rate * gradient


def maml_step(variant, net, loss, parameters, draw, tasks, rate, steps):
    if variant == "clone":
        model = Clone(net, parameters)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

        def step():
            optimizer.zero_grad()
            for x, y, query_x, query_y in zip(*draw(tasks)):
                learner = model.clone()
                for _ in range(steps):
                    learner.adapt(loss(learner(x), y), rate)
                (loss(learner(query_x), query_y) / tasks).backward()
            optimizer.step()
        return step

    parameters = [p.requires_grad_() for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    if variant == "loop":
        def step():
            optimizer.zero_grad()
            for task in zip(*draw(tasks)):
                (adapted_loss(net, loss, parameters, task, rate, steps) / tasks).backward()
            optimizer.step()
        return step

    def task_gradient(weights, x, y, query_x, query_y):
        def outer(start):
            w = start
            for _ in range(steps):
                g = grad(lambda v: loss(net(v, x), y))(w)
                w = [a - rate * b for a, b in zip(w, g)]
            return loss(net(w, query_x), query_y)
        return grad(outer)(list(weights))

    def gradients(weights, *items):
        return [g.mean(0) for g in vmap(task_gradient, in_dims=(None, 0, 0, 0, 0))(weights, *items)]

    if variant == "traced":
        gradients = make_fx(gradients)([p.detach() for p in parameters], *draw(tasks))

    def step():
        for p, g in zip(parameters, gradients([p.detach() for p in parameters], *draw(tasks))):
            p.grad = g
        optimizer.step()
    return step


def waves(tasks):
    amplitude, phase = torch.rand(tasks, 1, 1) * 4.9 + 0.1, torch.rand(tasks, 1, 1) * math.pi
    x, query_x = torch.rand(tasks, 10, 1) * 10 - 5, torch.rand(tasks, 10, 1) * 10 - 5
    return x, amplitude * torch.sin(x - phase), query_x, amplitude * torch.sin(query_x - phase)


def drawings(ways, shots, queries):
    def draw(tasks):
        x = (torch.rand(tasks, ways * shots, 1, 28, 28) < 0.125).float()
        query_x = (torch.rand(tasks, ways * queries, 1, 28, 28) < 0.125).float()
        y, query_y = torch.arange(ways).repeat(shots), torch.arange(ways).repeat(queries)
        return x, y.expand(tasks, -1), query_x, query_y.expand(tasks, -1)
    return draw


# ---- prototypical networks ----

def prototypes(variant, ways, shots, queries):
    parameters = [p.requires_grad_() for p in conv4_start(0)]
    if variant == "channels_last":
        parameters = [p.detach().to(memory_format=torch.channels_last).requires_grad_() if p.dim() == 4 else p
                      for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    draw = drawings(ways, shots, queries)

    def step():
        x, y, query_x, query_y = (t[0] for t in draw(1))
        images = torch.cat([x, query_x])
        if variant == "channels_last":
            images = images.to(memory_format=torch.channels_last)
        features = conv_blocks(parameters, images)
        means = features[:len(y)].view(shots, ways, -1).mean(0)
        loss = F.cross_entropy(-torch.cdist(features[len(y):], means).square(), query_y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return step


# ---- lifelong learning ----

def digits(count):
    return (torch.rand(count, 784) < 0.25).float() * 0.78, torch.arange(count) % 10


def epoch(penalty):
    x, y = digits(60_000)
    parameters = [p.requires_grad_() for p in mlp_start([784, 256, 256, 10])]
    weight = [torch.rand_like(p) for p in parameters]
    anchor = [torch.rand_like(p) for p in parameters]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)

    def step():
        for rows in torch.randperm(len(x)).split(128):
            loss = F.cross_entropy(mlp(parameters, x[rows]), y[rows])
            if penalty:
                loss = loss + 50 * sum((w * (p - a).square()).sum() for w, p, a in zip(weight, parameters, anchor))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return step


def fisher(variant):
    x, y = digits(1_000)
    parameters = [p.requires_grad_() for p in mlp_start([784, 256, 256, 10])]

    def loop():
        total = [torch.zeros_like(p) for p in parameters]
        for i in range(len(x)):
            gradients = torch.autograd.grad(F.cross_entropy(mlp(parameters, x[i:i + 1]), y[i:i + 1]), parameters)
            for t, g in zip(total, gradients):
                t += g.square()
        return total

    def by_vmap():
        detached = [p.detach() for p in parameters]
        one = grad(lambda w, a, b: F.cross_entropy(mlp(w, a[None]), b[None]))
        return [sum(part) for part in zip(*([g.square().sum(0) for g in vmap(one, (None, 0, 0))(detached, a, b)]
                                            for a, b in zip(x.split(100), y.split(100))))]

    def formula():
        """Squares of gradients of a linear layer are (delta^2)^T (input^2): no gradient of one example is made."""
        inputs, outputs, h = [], [], x
        for i in range(0, len(parameters), 2):
            inputs.append(h)
            outputs.append(F.linear(h, parameters[i], parameters[i + 1]))
            outputs[-1].retain_grad()
            h = torch.relu(outputs[-1])
        loss = F.cross_entropy(outputs[-1], y, reduction="sum")
        deltas = torch.autograd.grad(loss, outputs)
        return [part for d, a in zip(deltas, inputs) for part in (d.square().t() @ a.square(), d.square().sum(0))]

    return {"loop": loop, "vmap": by_vmap, "formula": formula}[variant]


# ---- derivatives ----

def smooth(parameters, x):
    return mlp(parameters, x, torch.tanh)


def along_directions(variant, directions, rows):
    parameters = [p.requires_grad_() for p in mlp_start([10, 64, 64, 1])]
    x, y = torch.rand(rows, 10), torch.rand(rows, 1)
    along = [[torch.rand_like(p) for p in parameters] for _ in range(directions)]

    def derivative(f, v):
        return lambda w: grad(lambda u: sum((a * b).sum() for a, b in zip(f(u), v)))(w)

    if variant == "loop":
        def step():
            result = torch.autograd.grad((smooth(parameters, x) - y).square().mean(), parameters, create_graph=True)
            for i, v in enumerate(along):
                product = sum((a * b).sum() for a, b in zip(result, v))
                result = torch.autograd.grad(product, parameters, create_graph=i + 1 < directions)
        return step
    function = grad(lambda w: (smooth(w, x) - y).square().mean())
    for v in along:
        function = derivative(function, v)
    detached = [p.detach() for p in parameters]
    if variant == "traced":
        function = make_fx(function)(detached)
    return lambda: function(detached)


def six_derivatives(variant):
    parameters = mlp_start([1, 64, 64, 1])
    point = torch.tensor([[0.3]], requires_grad=True)
    if variant == "loop":
        def step():
            value = smooth(parameters, point).sum()
            for order in range(6):
                value = torch.autograd.grad(value, point, create_graph=order < 5)[0].sum()
        return step

    def all_six(x):
        f, results = (lambda v: smooth(parameters, v).sum()), []
        for _ in range(6):
            f = (lambda g: lambda v: grad(g)(v).sum())(f)
            results.append(f(x))
        return results
    function = make_fx(all_six)(point.detach()) if variant == "traced" else all_six
    return lambda: function(point.detach())


def maml(variant, images, tasks, steps, queries=1):
    if images:
        return maml_step(variant, conv_blocks, F.cross_entropy, conv4_start(5), drawings(5, 1, queries), tasks, 0.4, steps)
    return maml_step(variant, mlp, F.mse_loss, mlp_start([1, 40, 40, 1]), waves, tasks, 0.01, steps)


META = ["loop", "clone", "vmap", "traced"]
DERIVATIVES = ["loop", "vmap", "traced"]
WORKLOADS = {
    "W1": (META, lambda v: maml(v, False, 25, 1)),
    "W1b": (META, lambda v: maml(v, False, 25, 5)),
    "W2": (META, lambda v: maml(v, True, 32, 1)),
    "W2b": (META, lambda v: maml(v, True, 4, 1, 15)),
    "W2c": (META, lambda v: maml(v, True, 4, 5)),
    "W3": (["loop", "channels_last"], lambda v: prototypes(v, 20, 5, 5)),
    "W3b": (["loop", "channels_last"], lambda v: prototypes(v, 60, 1, 5)),
    "W4": (["loop"], lambda v: epoch(True)),
    "W4plain": (["loop"], lambda v: epoch(False)),
    "W4fisher": (["loop", "vmap", "formula"], fisher),
    "W5hvp": (DERIVATIVES, lambda v: along_directions(v, 1, 10)),
    "W5third": (DERIVATIVES, lambda v: along_directions(v, 2, 10)),
    "W5hvp64": (DERIVATIVES, lambda v: along_directions(v, 1, 64)),
    "W5third64": (DERIVATIVES, lambda v: along_directions(v, 2, 64)),
    "W5six": (DERIVATIVES, six_derivatives),
}


def measure(step, seconds):
    times, begin = [], time.perf_counter()
    while len(times) < 2 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    rate = len(times) / (time.perf_counter() - begin)
    print(f"{sorted(times)[len(times) // 2]:.6f} {rate:.6f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", choices=sorted(WORKLOADS))
    parser.add_argument("variant")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    variants, make = WORKLOADS[arguments.workload]
    if arguments.variant not in variants:
        parser.error(f"{arguments.workload} has the variants {', '.join(variants)}, not {arguments.variant}")
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    step = make(arguments.variant)
    step()
    print("ready", flush=True)
    for line in sys.stdin:
        measure(step, float(line))


if __name__ == "__main__":
    main()

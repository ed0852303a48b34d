"""What PyTorch says of losses, optimizers and schedules: see README.md."""
import math
import pathlib

import numpy
import torch
import torch.nn.functional as F

import safetensors_file

FOLDER = pathlib.Path(__file__).parents[2] / "Tests/NeuralTests/Fixtures"
VERSIONS = {"torch": torch.__version__.split("+")[0], "numpy": numpy.__version__}
torch.set_default_dtype(torch.float64)
random = numpy.random.default_rng(7)


def reals(*shape, scale=1.0):
    """Numbers that f32 has, too."""
    return torch.tensor((random.standard_normal(shape) * scale).astype(numpy.float32).astype(numpy.float64))


def distribution(*shape):
    return torch.softmax(reals(*shape), -1).float().double()


class Losses:
    def __init__(self):
        self.tensors = {}

    def add(self, name, inputs, loss):
        """The value, and the gradient of the sum of its squares by each real input."""
        inputs = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
        value = loss(*inputs)
        (value**2).sum().backward()
        self.tensors[f"{name}.value"] = value.detach().numpy()
        for index, x in enumerate(inputs):
            kind = numpy.int32 if not x.is_floating_point() else numpy.float64
            self.tensors[f"{name}.in{index}"] = x.detach().numpy().astype(kind)
            if x.grad is not None:
                self.tensors[f"{name}.gradient{index}"] = x.grad.numpy()


def losses():
    cases = Losses()
    add = cases.add
    logits, labels, weights = reals(5, 7, scale=3), torch.tensor([0, 6, 3, 3, 2]), reals(5).abs()
    for reduction in ["mean", "sum", "none"]:
        add(f"softmax.{reduction}", [logits, labels], lambda x, y: F.cross_entropy(x, y, reduction=reduction))
    add("softmax.smooth", [logits, labels], lambda x, y: F.cross_entropy(x, y, label_smoothing=0.2))
    ignored = torch.tensor([0, -100, 3, 5, -100])
    add("softmax.ignored", [logits, ignored], lambda x, y: F.cross_entropy(x, y, label_smoothing=0.1))
    add("softmax.ignoredNone", [logits, ignored], lambda x, y: F.cross_entropy(x, y, reduction="none"))
    add("softmax.weights", [logits, labels, weights],
        lambda x, y, w: (F.cross_entropy(x, y, reduction="none") * w).sum() / w.sum())
    add("softmax.axis", [reals(2, 4, 3), torch.tensor([[0, 1, 3], [2, 2, 0]])], F.cross_entropy)
    add("softmax.great", [reals(3, 5, scale=300), torch.tensor([0, 1, 4])], F.cross_entropy)
    dense = distribution(5, 7)
    add("softmax.dense", [logits, dense], F.cross_entropy)
    add("softmax.denseSmooth", [logits, dense], lambda x, y: F.cross_entropy(x, y, label_smoothing=0.3, reduction="sum"))
    x, y = torch.cat([reals(3, 5, scale=4), torch.tensor([[0.0, 60, -60, 200, -200]])]), torch.tensor(random.random((4, 5)).astype(numpy.float32).astype(numpy.float64))
    y[3] = torch.tensor([1.0, 1, 0, 1, 0])
    for reduction in ["mean", "sum", "none"]:
        add(f"sigmoid.{reduction}", [x, y], lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction=reduction))
    add("sigmoid.smooth", [x, y], lambda x, y: F.binary_cross_entropy_with_logits(x, y * 0.75 + 0.125))
    add("sigmoid.weights", [x, y, reals(4, 1).abs()],
        lambda x, y, w: (F.binary_cross_entropy_with_logits(x, y, reduction="none") * w).sum() / (w.sum() * 5))
    add("sigmoid.labels", [x, (y > 0.5).int()], lambda x, y: F.binary_cross_entropy_with_logits(x, y.double()))
    a, b = reals(3, 5, scale=2), reals(3, 5, scale=2)
    b[0, 0] = a[0, 0]
    for reduction in ["mean", "sum", "none"]:
        add(f"squared.{reduction}", [a, b], lambda x, y: F.mse_loss(x, y, reduction=reduction))
        add(f"absolute.{reduction}", [a, b], lambda x, y: F.l1_loss(x, y, reduction=reduction))
        add(f"huber.{reduction}", [a, b], lambda x, y: F.huber_loss(x, y, delta=0.7, reduction=reduction))
    add("squared.weights", [a, b, reals(3, 1).abs()],
        lambda x, y, w: (F.mse_loss(x, y, reduction="none") * w).sum() / (w.sum() * 5))
    add("logCosh", [a, b], lambda x, y: torch.log(torch.cosh(x - y)).mean())
    add("hinge", [a, torch.sign(b)], lambda x, y: torch.clamp(1 - y * x, min=0).mean())
    p = distribution(5, 7)
    p[1] = torch.tensor([0, 0.5, 0, 0.25, 0.25, 0, 0])
    add("kl.none", [logits, p], lambda x, p: F.kl_div(F.log_softmax(x, -1), p, reduction="none").sum(-1))
    add("kl.mean", [logits, p], lambda x, p: F.kl_div(F.log_softmax(x, -1), p, reduction="batchmean"))
    # At p = 0 PyTorch's gradient by the target is -infinity.
    del cases.tensors["kl.none.gradient1"], cases.tensors["kl.mean.gradient1"]
    add("cosine.none", [a, b], lambda x, y: 1 - F.cosine_similarity(x, y))
    add("cosine.mean", [a, b], lambda x, y: (1 - F.cosine_similarity(x, y)).mean())
    c = reals(3, 5, scale=2)
    add("triplet", [a, b, c], lambda x, y, z: F.triplet_margin_loss(x, y, z, margin=2, eps=0))
    add("triplet.one", [a, b, c], lambda x, y, z: F.triplet_margin_loss(x, y, z, margin=5, p=1, eps=0, reduction="none"))

    def ctc(blank, reduction):
        def loss(x, labels, frames, counts):
            logs = F.log_softmax(x, -1).transpose(0, 1)
            return F.ctc_loss(logs, labels, frames, counts, blank=blank, reduction=reduction)
        return loss
    frames, counts = torch.tensor([7, 5, 7, 1]), torch.tensor([3, 2, 0, 1])
    sequences = torch.tensor([[1, 1, 4], [3, 2, 0], [0, 0, 0], [2, 0, 0]])
    add("ctc.none", [reals(4, 7, 5, scale=2), sequences, frames, counts], ctc(0, "none"))
    sequences = torch.tensor([[1, 1, 3], [3, 2, 0], [0, 0, 0], [2, 0, 0]])
    add("ctc.sum", [reals(4, 7, 5, scale=2), sequences, frames, counts], ctc(4, "sum"))
    safetensors_file.write(FOLDER / "losses.safetensors", cases.tensors, VERSIONS)


def optimizers():
    """Parameters after ten steps, and the losses before each, of a layer with tanh."""
    x, y, weight, bias = reals(6, 3), reals(6, 4), reals(3, 4), reals(4)
    tensors = {"x": x.numpy(), "y": y.numpy(), "weight": weight.numpy(), "bias": bias.numpy()}
    optim = torch.optim
    cases = {
        "sgd": (optim.SGD, dict(lr=0.1)),
        "sgd.momentum": (optim.SGD, dict(lr=0.1, momentum=0.9)),
        "sgd.nesterov": (optim.SGD, dict(lr=0.1, momentum=0.9, nesterov=True)),
        "sgd.decay": (optim.SGD, dict(lr=0.1, momentum=0.5, weight_decay=0.05)),
        "adam": (optim.Adam, dict(lr=0.05)),
        "adam.decay": (optim.Adam, dict(lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
        "adamw": (optim.AdamW, dict(lr=0.05)),
        "adamax": (optim.Adamax, dict(lr=0.05)),
        "nadam": (optim.NAdam, dict(lr=0.05)),
        "rmsprop": (optim.RMSprop, dict(lr=0.02)),
        "rmsprop.centered": (optim.RMSprop, dict(lr=0.02, alpha=0.9, momentum=0.7, centered=True)),
        "adagrad": (optim.Adagrad, dict(lr=0.1)),
        "adagrad.initial": (optim.Adagrad, dict(lr=0.1, initial_accumulator_value=0.1)),
        "adadelta": (optim.Adadelta, dict(lr=1.0, rho=0.8)),
        "adafactor": (optim.Adafactor, dict(lr=0.2, eps=(1e-8, 1e-3))),
        "adafactor.decay": (optim.Adafactor, dict(lr=0.05, eps=(1e-8, 2.0), d=1.25, weight_decay=0.1)),
    }
    for name, (kind, options) in cases.items():
        parameters = [weight.clone().requires_grad_(), bias.clone().requires_grad_()]
        optimizer = kind(parameters, **options)
        losses = []
        for _ in range(10):
            optimizer.zero_grad()
            loss = F.mse_loss(torch.tanh(x @ parameters[0] + parameters[1]), y)
            loss.backward()
            losses.append(loss.item())
            optimizer.step()
        tensors[f"{name}.losses"] = numpy.array(losses)
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = (p.detach().numpy() for p in parameters)
    safetensors_file.write(FOLDER / "optimizers.safetensors", tensors, VERSIONS)


def schedules():
    """The rates of the first 30 steps; of a plateau, those after each value."""
    lr = torch.optim.lr_scheduler

    def rates(start, make):
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=start)
        schedule, found = make(optimizer), []
        for _ in range(30):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        return numpy.array(found)

    def warm(optimizer):
        line = lr.LinearLR(optimizer, start_factor=0.1, total_iters=8)
        return lr.SequentialLR(optimizer, [line, lr.ExponentialLR(optimizer, 0.9)], milestones=[8])

    tensors = {
        "step": rates(0.3, lambda o: lr.StepLR(o, 7, gamma=0.25)),
        "exponential": rates(0.3, lambda o: lr.ExponentialLR(o, 0.97)),
        "linear": rates(0.5, lambda o: lr.LinearLR(o, start_factor=0.5, end_factor=0.1, total_iters=20)),
        "cosine": rates(0.3, lambda o: lr.CosineAnnealingLR(o, 29, eta_min=0.02)),
        "warmUp": rates(0.2, warm),
        "oneCycle": rates(0.3, lambda o: lr.OneCycleLR(o, max_lr=0.4, total_steps=31)),
        "oneCycle.shape": rates(
            0.3, lambda o: lr.OneCycleLR(o, max_lr=0.4, total_steps=40, pct_start=0.4, div_factor=5, final_div_factor=50)),
    }
    for name, mode, options in [
        ("plateau", "min", dict(factor=0.5, patience=2)),
        ("plateau.max", "max", dict(factor=0.3, patience=1, threshold=0.1, cooldown=2, min_lr=0.01)),
    ]:
        values = (random.random(40) * (1 if mode == "max" else 2)).astype(numpy.float32).astype(numpy.float64)
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.2)
        schedule, found = lr.ReduceLROnPlateau(optimizer, mode=mode, eps=0, **options), []
        for value in values:
            schedule.step(value)
            found.append(optimizer.param_groups[0]["lr"])
        tensors[f"{name}.values"], tensors[name] = values, numpy.array(found)
    safetensors_file.write(FOLDER / "schedules.safetensors", tensors, VERSIONS)


if __name__ == "__main__":
    losses()
    optimizers()
    schedules()

"""The text of a driver (kernels.cells.driver): what one step does to each lane, part by part."""

from collections.abc import Sequence
from typing import Any

import numpy as np

#: Cells that advance together. 32 fill the vector units of AVX2 and AVX-512 with work to overlap.
LANES = 32

#: What a driver writes at each step: a part (0 the neuron, then the inputs) and one of its state
#: variables as it stands before the neuron's step; "current" of an input; "spiked" of the neuron, or
#: "spikes", in the row's first place: a number whose bits are the lanes that spiked.
Trace = tuple[tuple[int, str], ...]


def text_of(
    neuron: Any,
    inputs: Sequence[Any],
    templates: Sequence[tuple[Any, Any]],
    shared: Sequence[Sequence[bool]],
    trace: Trace,
    counted: bool,
) -> tuple[str, dict[str, Any], tuple[int, ...]]:
    """Return the text of the loop of a neuron class and input classes, the names in it, and rows of parts.

    See `driver.make_driver`. The parts are the state and the coefficients of the neuron, then of each input.
    """
    names: dict[str, Any] = {"step": neuron.step}
    row, sizes, head, body = 0, [], [], []
    for k, (state, coefficients) in enumerate(templates):
        for kind, cls in (("x", state), ("c", coefficients)):
            names[f"{kind}{k}_"] = cls
            n = len(cls._fields)
            values = [f"state[{(row + i) * LANES} + l]" for i in range(n)]
            for i in [i for i in range(n) if kind == "c" and shared[k][i]]:
                head.append(f"c{k}_{i} = states[{(row + i) * LANES}]")
                values[i] = f"c{k}_{i}"
            body.append(f"{kind}{k} = {kind}{k}_({', '.join(values)})")
            sizes.append(n)
            row += n
    body += _inputs_at_start(inputs, names)
    rows = [f"out[{r * LANES} + l] = " for r in range(len(trace))]
    for target, (k, name) in zip(rows, trace, strict=True):
        if name not in ("spiked", "spikes"):
            body.append(target + (f"i{k}" if name == "current" else f"x{k}.{name}"))
    currents = " + ".join(f"i{k}" for k in range(1, len(inputs) + 1))
    if predict := getattr(neuron, "predict", None):
        names["predict"] = predict
        before = " + ".join(
            ("a" if hasattr(cls, "jump") else "i") + str(k) for k, cls in enumerate(inputs, 1)
        )
        body += [f"current = {before}", "v_end = predict(c0, x0, current, t)"]
        body += _inputs_at_end(inputs)
        currents = "current, v_end, " + " + ".join(f"e{k}" for k in range(1, len(inputs) + 1))
    body.append(f"x0, spiked = step(c0, x0, {currents}, t, t_next)")
    body += [target + "spiked" for target, (_, name) in zip(rows, trace, strict=True) if name == "spiked"]
    spikes = [r for r, (_, name) in enumerate(trace) if name == "spikes"]
    body += ["word |= one << np.uint64(l) if spiked > 0.0 else none"] if spikes else []
    names |= {"np": np, "one": np.uint64(1), "none": np.uint64(0)}
    tail = [f"out[{r * LANES}] = word" for r in spikes]
    for k in range(len(templates)):
        start = sum(sizes[: 2 * k])
        body += [f"state[{(start + i) * LANES} + l] = x{k}[{i}]" for i in range(sizes[2 * k])]
    if counted:
        body.append(f"state[{row * LANES} + l] += spiked")
    return _loop(head, body, tail, row + 1, len(inputs), len(trace)), names, tuple(sizes)


def _inputs_at_start(inputs: Sequence[Any], names: dict[str, Any]) -> list[str]:
    """Return the lines that advance inputs and find the current i1, i2, ... of each; note their names."""
    lines = []
    for k, cls in enumerate(inputs, start=1):
        names[f"advance{k}"], names[f"current{k}"] = cls.advance, cls.current
        lines.append(f"x{k} = advance{k}(c{k}, x{k}, row[{(k - 1) * LANES} + l])")
        jumps = hasattr(cls, "jump")
        lines.append(f"{'a' if jumps else 'i'}{k} = current{k}(c{k}, x{k}, x0[0])")
        if jumps:
            names[f"jump{k}"] = cls.jump
            lines += [f"j{k} = jump{k}(c{k}, x{k}) * c0.per_jump", f"i{k} = a{k} + j{k}"]
    return lines


def _inputs_at_end(inputs: Sequence[Any]) -> list[str]:
    """Return the lines that find the current e1, e2, ... of each input at the end of a step."""
    lines = []
    for k, cls in enumerate(inputs, start=1):
        moves = hasattr(cls, "time_constants")
        lines.append(f"y{k} = advance{k}(c{k}, x{k}, 0.0)" if moves else f"y{k} = x{k}")
        # twice: the neuron takes the mean of both ends, and the other end has no jump yet
        jump = f" + 2.0 * j{k}" if hasattr(cls, "jump") else ""
        lines.append(f"e{k} = current{k}(c{k}, y{k}, v_end){jump}")
    return lines


def _loop(
    head: Sequence[str], body: Sequence[str], tail: Sequence[str], rows: int, n_inputs: int, n_traced: int
) -> str:
    """Return the text of a driver: `head` before all, `body` for each group, step and lane, then `tail`."""
    return "\n".join(
        [
            "def advance(states, inputs, trace, m, n, first, tick):",
            *(f"    {line}" for line in head),
            "    for g in range(m):",
            # slices with constant offsets: an index that LLVM cannot prove to be positive is gathered
            f"        state = states[g * {rows * LANES} : (g + 1) * {rows * LANES}]",
            "        for s in range(n):",
            "            t = (first + s) * tick",
            "            t_next = (first + s + 1) * tick",
            "            i = g * n + s",
            f"            row = inputs[i * {n_inputs * LANES} : (i + 1) * {n_inputs * LANES}]",
            f"            out = trace[i * {n_traced * LANES} : (i + 1) * {n_traced * LANES}]",
            *(["            word = none"] if tail else []),
            f"            for l in range({LANES}):",
            *(f"                {line}" for line in body),
            *(f"            {line}" for line in tail),
            "",
        ]
    )

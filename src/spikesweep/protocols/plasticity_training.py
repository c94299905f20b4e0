"""Training of a rate network's weights by its own patterns, by Hebbian rules and BCM, over `epoch`.

In each epoch every pattern is presented once, from rest, until the network has settled; then the weights of
the trained projections change by a rule (`models.synapses.plasticity`), after every pattern or, by the mean
of the changes, after all. What is stored of an epoch are responses and weights before its changes, so that
those of epoch 0 are those of the untrained network. Sums go in the order of patterns and units: the numbers
of a network do not depend on the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from spikesweep.errors import InputError, nearest
from spikesweep.grid.schema import Axis, Coordinate, Variable
from spikesweep.kernels.random.philox import derive, point_keys, uniforms
from spikesweep.kernels.rates.representation import MEASURES
from spikesweep.kernels.rates.system import LANES
from spikesweep.models.contracts import Plasticity
from spikesweep.protocols.pattern_separation import PatternSeparation
from spikesweep.protocols.rate_dynamics import synapse_coordinates

Array = NDArray[np.float64]
Link = tuple[str, str]
#: Rules, and which networks of a block learn by each.
_Groups = Sequence[tuple[Plasticity, NDArray[np.int64]]]

#: A longer training is refused: half an hour for a block, at least.
_MOST_EPOCHS = 1_000_000
_OF_PROJECTIONS = (
    Variable("weight_mean", ("projection",), "1", "mean weight of a trained projection"),
    Variable("weight_sd", ("projection",), "1", "SD of the weights of a trained projection"),
)


@dataclass
class _State:
    """Weights, thresholds and inputs of all networks of a block, at some time of the training."""

    weights: Any  #: (post, pre, point) by post and pre
    theta: dict[Link, Array]  #: (post, point)
    rates: dict[str, Array]  #: of the inputs, (unit, pattern, point)
    at_rest: dict[str, Array] = field(default_factory=dict)  #: of populations that receive nothing, (unit,)


@dataclass(frozen=True)
class PlasticityTraining(PatternSeparation):
    """Weights and responses to all patterns before each epoch's changes."""

    axes: ClassVar[tuple[Axis, ...]] = (
        *PatternSeparation.axes,
        Axis("rule", "1", "rule of the changes of weights", 0.0, words=True),
        Axis("epoch", "1", "presentations of all patterns before", 0, integer=True, whole=True),
    )
    recorded: ClassVar[Mapping[str, Variable]] = {
        **PatternSeparation.recorded,
        "weight": Variable("weight", ("synapse",), "1", "weight of a trained synapse"),
        "theta": Variable(
            "theta", ("projection", "cell"), "Hz", "sliding threshold, where the rule has one", optional=True
        ),
    }

    rules: Mapping[str, Plasticity]  #: by name, of which `grid.rule` holds those that are used
    trained: Mapping[str, tuple[str, ...]] | None  #: sources by target, as {E: [FFE]}; null: all from inputs
    update: Literal[
        "pattern", "epoch"
    ]  #: when weights change: after each pattern, or after all by their mean
    order: Literal["random", "fixed"]  #: of the patterns of an epoch; random: of the seed and the epoch

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return what is stored: measures of the responses, of the weights, and what is recorded."""
        return (*super().variables, *_OF_PROJECTIONS)

    def check(self, network: Any) -> None:
        """Refuse what `PatternSeparation` refuses, and projections that there are not; raise InputError."""
        super().check(network)
        if not self.rules:
            raise InputError("protocol.rules = {} is refused; allowed: a rule at least")
        known = network.links()
        for post, sources in (self.trained or {}).items():
            for pre in sources:
                if (post, pre) not in known or sources.count(pre) > 1:
                    allowed = ", ".join(f"{{{a}: [{b}]}}" for a, b in known)
                    raise InputError(
                        f"protocol.trained.{post} = {list(sources)} is refused: {pre} does not lead there, "
                        f"or is named twice; allowed: of {allowed}"
                    )
        if not self._links(network):
            raise InputError("protocol.trained names no projection; allowed: one at least, as {E: [FFE]}")

    def check_grid(self, network: Any, values: Mapping[str, NDArray[Any]]) -> None:
        """Refuse rules that there are not, and too many epochs; raise InputError."""
        del network
        for rule in np.unique(values["rule"]).tolist():
            if rule not in self.rules:
                raise InputError(f"grid.rule holds {rule!r}; {nearest(rule, self.rules)}")
        if (last := int(values["epoch"].max())) > _MOST_EPOCHS:
            raise InputError(f"grid.epoch holds {last}; allowed: up to {_MOST_EPOCHS}")

    def unread(self, key: str, axes: Mapping[str, NDArray[Any]]) -> str:
        """Return why nothing reads a value of a rule that `grid.rule` does not hold, and what is allowed."""
        used = np.unique(axes["rule"]).tolist()
        node, _, rest = key.removeprefix("protocol.").partition(".")
        rule, _, field = rest.partition(".")
        if node != "rules" or rule in used:
            return ""
        read = [f"protocol.rules.{name}.{field}" for name in used if hasattr(self.rules.get(name), field)]
        return (
            f"grid.rule = {used} has no {rule}, so nothing reads it; allowed: "
            f"{', '.join([*read, f'{rule} in grid.rule'])}"
        )

    def coordinates(self, network: Any) -> dict[str, list[str] | Coordinate]:
        """Return labels of populations, trained projections, and of cells, patterns, synapses if recorded."""
        links = self._links(network)
        found = super().coordinates(network)
        found["projection"] = [f"{post}<-{pre}" for post, pre in links]
        return found | (synapse_coordinates(network, links) if "weight" in self.record else {})

    def work(self, network: Any, whole: Mapping[str, NDArray[Any]]) -> float:
        """Return the updates that one point costs."""
        passes = float(whole["epoch"].max()) + 1.0
        if self.update == "pattern":  # and the responses of the epochs that are kept
            passes += len(whole["epoch"])
        together = LANES if self.integrator == "fixed" else 1.0  # networks that advance as one does
        return super().work(network, whole) * passes / together

    def __call__(
        self, network: Any, points: Mapping[str, NDArray[Any]], whole: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        """Return every variable, shape (its dims, point, epoch)."""
        names = np.unique(points["rule"]).tolist()
        groups = [(self.rules[name], np.flatnonzero(points["rule"] == name)) for name in names]
        found: dict[str, NDArray[Any]] = {}
        for i, results in enumerate(self._trained(network, points, groups, whole["epoch"])):
            for key, values in results.items():
                found.setdefault(key, np.empty((*values.shape, len(whole["epoch"]))))[..., i] = values
        return found

    def _links(self, network: Any) -> list[Link]:
        links: list[Link] = network.links()
        if self.trained is None:
            return [(post, pre) for post, pre in links if pre in network.inputs]
        return [(post, pre) for post, pre in links if pre in self.trained.get(post, ())]

    def _trained(
        self, network: Any, points: Mapping[str, NDArray[Any]], groups: _Groups, keep: NDArray[Any]
    ) -> Iterable[dict[str, Array]]:
        """Yield the results of each epoch that is kept; `keep` rises."""
        weights, rates = self._drawn(network, points)
        links = self._links(network)
        theta = {(post, pre): np.empty((network.size(post), len(points["seed"]))) for post, pre in links}
        for own in theta.values():
            for rule, at in groups:
                own[:, at] = rule.threshold((len(own), len(at)))
        at_rest = {
            pre: np.full(network.size(pre), float(network.populations[pre].cell.rate(cell.v_rest)))
            for _, pre in links
            if pre not in network.integrated() and pre in network.populations
            for cell in [network.populations[pre].cell]
        }
        state = _State(weights, theta, rates, at_rest)
        keys = point_keys(self.root_seed, {"seed": points["seed"]})
        for epoch in range(int(keep[-1]) + 1):
            kept = epoch in keep
            if kept or self.update == "epoch":
                activity = self._responses(network, state.weights, state.rates)
            if kept:
                yield self._results(network, state, activity)
            if epoch == keep[-1]:
                return
            if self.update == "epoch":
                self._change(network, state, groups, activity, state.rates)
                continue
            for pattern in self._order(network, derive(keys, "order", epoch)):
                shown = {name: _of(x, pattern) for name, x in state.rates.items()}
                self._change(network, state, groups, self._responses(network, state.weights, shown), shown)

    def _order(self, network: Any, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the patterns of an epoch in the order in which they come, shape (pattern, point)."""
        n = self._number(network)
        if self.order == "fixed":
            return np.repeat(np.arange(n)[:, np.newaxis], len(keys), axis=1)
        return np.argsort(uniforms(keys, n), axis=1, kind="stable").T

    def _change(
        self, network: Any, state: _State, groups: _Groups, activity: Array, rates: Mapping[str, Array]
    ) -> None:
        """Change weights and thresholds by the mean over patterns; responses: (cell, pattern, point)."""
        first = dict(zip(network.integrated(), network.first_cells(), strict=True))

        def of(name: str, q: int) -> Array:
            if name in rates:
                return rates[name][:, q]
            if name in state.at_rest:
                return np.repeat(state.at_rest[name][:, np.newaxis], activity.shape[2], axis=1)
            return activity[first[name] : first[name] + network.size(name), q]

        n, changed = activity.shape[1], {}
        for post, pre in self._links(network):
            w, theta = state.weights[post][pre].copy(), state.theta[post, pre].copy()
            for rule, at in groups:
                old = w[..., at], theta[:, at]
                each = [rule.change(old[0], of(pre, q)[:, at], of(post, q)[:, at], old[1]) for q in range(n)]
                dw, dtheta = (reduce(np.add, parts) / n for parts in zip(*each, strict=True))
                w[..., at], theta[:, at] = rule.bounded(old[0] + dw), old[1] + dtheta
            if post == pre:
                w[np.diag_indices(len(w))] = 0.0  # no cell connects to itself
            changed[post, pre] = w, theta
        for (post, pre), (w, theta) in changed.items():
            state.weights[post][pre], state.theta[post, pre] = w, theta

    def _results(self, network: Any, state: _State, activity: Array) -> dict[str, Array]:
        """Return every variable of one epoch, shape (its dims, point)."""
        links = self._links(network)
        found = dict(zip(MEASURES, self._measured(network, activity), strict=True))
        flat = [state.weights[post][pre].reshape(-1, activity.shape[2]) for post, pre in links]
        means = [reduce(np.add, w) / len(w) for w in flat]
        found["weight_mean"] = np.stack(means)
        found["weight_sd"] = np.stack(
            [np.sqrt(reduce(np.add, (w - m) ** 2) / len(w)) for w, m in zip(flat, means, strict=True)]
        )
        if "activity" in self.record:
            found["activity"] = activity
        if "weight" in self.record:
            found["weight"] = np.concatenate(flat)
        if "theta" in self.record:
            found["theta"] = np.full((len(links), *activity.shape[::2]), np.nan)
            first = dict(zip(network.integrated(), network.first_cells(), strict=True))
            for k, (post, pre) in enumerate(links):
                found["theta"][k, first[post] : first[post] + network.size(post)] = state.theta[post, pre]
        return found


def _of(rates: Array, pattern: NDArray[np.int64]) -> Array:
    """Return the rates of one pattern a point, shape (unit, 1, point)."""
    return rates[:, pattern, np.arange(rates.shape[2])][:, np.newaxis]

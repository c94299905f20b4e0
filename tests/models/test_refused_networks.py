"""Networks that cannot be are refused before anything is built: the key, the value, what is allowed."""

from dataclasses import replace

import pytest
from networks_here import CONDUCTANCE, EXC, KICK, ONE, poisson, two

from spikesweep.errors import InputError
from spikesweep.models import (
    AllToAll,
    ClippedNormalWeights,
    FixedInDegree,
    FixedNumber,
    FixedOutDegree,
    GivenConnections,
    LIFDimensionless,
    NormalDelays,
    OneToOne,
    PotentialNoise,
    RandomConnections,
    SharedDrive,
    UniformDelays,
    UniformStart,
)

DT = 0.1
ALL = AllToAll(ONE, 0.5, autapses=False)


def network(**changes):
    """Return 33 and 65 neurons whose A, projection from A to A or drives are others."""
    found = two([ALL] * 4)
    a = replace(found.populations["A"], **changes.pop("A", {}))
    aa, more = changes.pop("AA", ALL), changes.pop("more", {})
    projections = {**found.projections, "A": {"A": aa, "B": ALL}, **more}
    return replace(found, populations={**found.populations, "A": a}, projections=projections, **changes)


def driven(drive):
    return network(drives={"d": drive})


def pool(onto=("A",), **more):
    values = dict(rate=10.0, shape=None, pool=5, p_connect=0.1, onto=onto, like="A", synapse=None, weight=1.0)
    return SharedDrive(**{**values, **more})


def fixed(rule, n, **more):
    return rule(n, ONE, 0.5, **{"autapses": False, "multapses": False, **more})


WITHOUT_UNIT = LIFDimensionless(10.0, 0.0, 0.0, 100.0, "gaussian", None, 0.1)
REFUSED = {
    "currents": (
        network(A={"i_ext": (1.0, 2.0)}),
        r"network.populations.A.i_ext has 2 values; allowed: 1 or 33",
    ),
    "start": (
        network(A={"start": UniformStart(-50.0, -60.0)}),
        r"network.populations.A.start: UniformStart: low = -50.0 mV with high = -60.0 mV .*allowed: low",
    ),
    "unknown source": (
        network(more={"B": {"C": ALL}}),
        r"network.projections.B.C: 'C' is no population; .*A",
    ),
    "unknown target": (network(more={"C": {"A": ALL}}), r"network.projections.C.A: 'C' is no population"),
    "in-degree": (
        network(AA=fixed(FixedInDegree, 33)),
        r"projections.A.A: n = 33 is refused.*allowed: at most 32",
    ),
    "out-degree": (
        network(AA=fixed(FixedOutDegree, 34, autapses=True)),
        r"projections.A.A: n = 34 .*allowed: at most 33",
    ),
    "number": (network(AA=fixed(FixedNumber, 2000)), r"projections.A.A: n = 2000 .*allowed: at most 1056"),
    "one to one": (
        network(more={"B": {"A": OneToOne(ONE, 0.5)}}),
        r"projections.B.A: one to one has 33 sources and 65 targets",
    ),
    "weights": (
        network(AA=RandomConnections(0.1, ClippedNormalWeights(1.0, 0.1, 2.0, None), 0.5)),
        r"projections.A.A: weights.low = 2.0 is refused; allowed: at most 1.0",
    ),
    "matrix": (
        network(AA=GivenConnections(((1.0,),), 0.5)),
        r"projections.A.A: a matrix of weights has 1 rows; allowed: 33",
    ),
    "negative conductance": (
        network(A={"n": 1, "synapse": CONDUCTANCE}, AA=GivenConnections(((-2.0,),), 0.5)),
        r"projections.A.A.weights hold -2; allowed: 0 or more, of a conductance",
    ),
    "no synapse": (
        network(A={"synapse": None}),
        r"projections.A.A has no synapse: network.populations.A.synapse is null",
    ),
    "jumps": (
        network(A={"cell": WITHOUT_UNIT}, AA=replace(ALL, synapse=KICK)),
        r"projections.A.A: a DeltaPotential is no synapse of A, a LIFDimensionless, .*allowed: synapses with",
    ),
    "noise": (
        network(A={"cell": WITHOUT_UNIT, "noise": PotentialNoise(1.0)}),
        r"network.populations.A.noise is a PotentialNoise, but its cell has no C_m",
    ),
    "drive onto": (
        driven(poisson(1.0, {"X": 1.0}, like="A")),
        r"network.drives.d: 'X' is no population; .*A",
    ),
    "drive like": (
        driven(poisson(1.0, {"A": 1.0}, like="X")),
        r"network.drives.d.like: 'X' is no population",
    ),
    "drive of both": (
        driven(poisson(1.0, {"A": 1.0}, like="A", synapse=EXC)),
        r"drives.d has like = A and synapse = .*one of them",
    ),
    "drive of none": (
        driven(poisson(1.0, {"A": 1.0})),
        r"drives.d has like = None and synapse = None; allowed: one",
    ),
    "drive onto nothing": (
        driven(poisson(1.0, None, like="A")),
        r"drives.d.n = null is refused; allowed: the number of sources",
    ),
    "drive twice": (driven(pool(("A", "B", "A"))), r"drives.d.onto = \['A', 'B', 'A'\] .*allowed: each once"),
    "drive's name": (network(drives={"B": pool()}), r"network.drives.B has the name of a population"),
    "drive's conductance": (
        driven(pool(like=None, synapse=CONDUCTANCE, weight=-1.0)),
        r"drives.d.weight = -1; allowed: 0 or more",
    ),
    "drive jumps": (
        replace(
            network(A={"cell": WITHOUT_UNIT}), drives={"d": poisson(1.0, {"B": 1.0, "A": 1.0}, synapse=KICK)}
        ),
        r"network.drives.d: a DeltaPotential is no synapse of A, a LIFDimensionless",
    ),
}
REFUSED_AT_DT = {
    "no multiple": (
        network(AA=replace(ALL, delay=0.25)),
        r"projections.A.A.delay = 0.25 ms is not a multiple of protocol.dt = 0.1 ms; allowed: 0.2 or 0.3",
    ),
    "below a step": (
        network(AA=replace(ALL, delay=0.04)),
        r"projections.A.A.delay = 0.04 ms is not a multiple",
    ),
    "bounds": (
        network(AA=replace(ALL, delay=UniformDelays(2.0, 1.0))),
        r"projections.A.A.delay.high = 1.0 ms is refused",
    ),
    "lowest": (
        network(AA=replace(ALL, delay=NormalDelays(1.5, 0.7, 0.05))),
        r"projections.A.A.delay.low = 0.05 ms is less",
    ),
    "too long": (
        network(AA=replace(ALL, delay=7000.0)),
        r"projections.A.A: a delay of 7000.0 ms is more than 65535 steps",
    ),
    "places": (
        network(A={"n": 70_000}, AA=replace(fixed(FixedNumber, 1), delay=UniformDelays(1.0, 6500.0))),
        r"projections.A.A.delay reaches 6500 ms onto 70000 cells, more places than 4294967296; ",
    ),
    "rate": (
        driven(poisson(20_000.0, {"A": 1.0}, like="A")),
        r"drives.d.rate = 20000 Hz .*0.1 ms .*allowed: below 10000 Hz",
    ),
    "rate of a pool": (driven(pool(rate=10_000.0)), r"network.drives.d.rate = 10000 Hz"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_by_its_key(case):
    refused, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        refused.check()


@pytest.mark.parametrize("case", REFUSED_AT_DT)
def test_what_a_step_does_not_resolve_is_refused_by_its_key(case):
    refused, message = REFUSED_AT_DT[case]
    refused.check()
    with pytest.raises(InputError, match=message):
        refused.check_dt(DT)


def test_what_is_not_refused():
    plain = network(drives={"d": pool(("A", "B")), "e": poisson(1.0, {"B": 2.5}, synapse=KICK)})
    plain.check()
    plain.check_dt(DT)
    long = network(A={"n": 70_000}, AA=replace(fixed(FixedNumber, 1), delay=6500.0))
    long.check()
    long.check_dt(DT)

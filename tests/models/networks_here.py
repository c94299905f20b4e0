"""Networks of the tests: two populations whose connections vary, and one that has all there is."""

from dataclasses import replace

from spikesweep.models import (
    LIF,
    AdExp,
    AdExpHeun,
    AllToAll,
    ClippedNormalWeights,
    CurrentNoise,
    DeltaPotential,
    EqualWeights,
    ExponentialConductance,
    ExponentialCurrent,
    FixedInDegree,
    FixedOutDegree,
    GaussianFlanks,
    Izhikevich,
    Kicks,
    NormalDelays,
    NormalStart,
    PoissonDrive,
    Ramp,
    RandomConnections,
    SharedDrive,
    SpikingNetwork,
    SpikingPopulation,
    Steps,
    UniformDelays,
    UniformStart,
)

ONE = EqualWeights(0.7)
SPREAD = ClippedNormalWeights(0.8, 0.3, 0.0, None)
LATE = UniformDelays(0.0, 2.5)

ANYWHERE = UniformStart(-65.0, -50.0)
CELL = LIF(200.0, 10.0, -65.0, -50.0, -60.0, 2.0)
EXC = ExponentialCurrent(20.0, 3.0)
INH = ExponentialCurrent(-15.0, 6.0)
CONDUCTANCE = ExponentialConductance(1.5, 5.0, 0.0)
KICK = DeltaPotential(1.2)
RS = AdExp(200.0, 10.0, -65.0, -50.0, None, -65.0, 2.0, 4.0, 20.0, 100.0, 5.0)
HEUN = AdExpHeun(200.0, 10.0, -65.0, -50.0, -30.0, -65.0, 2.0, 0.0, 10.0, 500.0, 5.0)
IZH = Izhikevich(100.0, 0.7, -60.0, -40.0, 35.0, 0.03, -2.0, -50.0, 100.0, "package")


def two(rules, sizes=(33, 65), i_ext=400.0, start=ANYWHERE):
    """Return excitatory A and inhibitory B; each hears both, by rules AA, AB (onto A from B), BA, BB."""
    aa, ab, ba, bb = rules
    return SpikingNetwork(
        {
            "A": SpikingPopulation(CELL, sizes[0], EXC, (i_ext,), None, start),
            "B": SpikingPopulation(CELL, sizes[1], INH, (i_ext,), None, start),
        },
        {"A": {"A": aa, "B": ab}, "B": {"A": ba, "B": bb}},
    )


def poisson(rate, n, *, like=None, synapse=None, shape=None, weight=1.0):
    return PoissonDrive(rate, shape, n, like, synapse, weight)


def everything():
    """Return four kinds of cells, all that drives them, and connections of each kind."""
    own = replace(RandomConnections(0.5, ONE, 0.3), synapse=KICK)
    return SpikingNetwork(
        {
            "E": SpikingPopulation(
                RS, 40, CONDUCTANCE, (380.0,), CurrentNoise(5.0, 2.0), NormalStart(-60.0, 4.0)
            ),
            "I": SpikingPopulation(
                IZH, 31, INH, tuple(60.0 + i for i in range(31)), None, NormalStart(-58.0, 2.0)
            ),
            "H": SpikingPopulation(HEUN, 3, CONDUCTANCE, (160.0,), None),
            "L": SpikingPopulation(CELL, 5, None, (0.0,), None),
            "alone": SpikingPopulation(CELL, 1, None, (200.0,), None),
        },
        {
            "I": {
                "E": FixedInDegree(8, ONE, NormalDelays(1.5, 0.7, 0.1), autapses=True, multapses=True),
                "I": FixedOutDegree(2, SPREAD, 4.1, autapses=True, multapses=False),
            },
            "E": {
                "I": RandomConnections(0.2, SPREAD, LATE),
                "E": FixedInDegree(8, ONE, 1.7, autapses=True, multapses=True),
                "H": AllToAll(EqualWeights(0.25), 0.0, autapses=False),
            },
            "H": {"E": own, "I": RandomConnections(0.5, ONE, 0.0)},
            "L": {"E": own},
        },
        {
            "steady": poisson(5.0, {"E": 800.0, "L": 300.0}, like="E"),
            "flanks": poisson(
                20.0, {"E": 120.5, "H": 900.0}, like="H", shape=GaussianFlanks(20.0, 30.0, 5.0, 2.0)
            ),
            "shared": SharedDrive(
                150.0, Steps((5.0, 20.0), (1.0, 0.2)), 70, 0.2, ("L", "I"), None, KICK, 0.9
            ),
            "own": poisson(30.0, {"L": 100.0}, synapse=KICK, shape=Ramp(5.0, 25.0, 0.1, 1.0), weight=0.5),
            "steady pool": SharedDrive(40.0, None, 33, 0.5, ("H",), "E", None, 1.0),
            "kicks": Kicks((0.1, 7.3, 7.4, 25.0), None, 4, ("E", "L"), None, EXC, 9.0, {"E": 2.0, "L": 1.0}),
            "all": Kicks((6.0,), 1.0, None, ("H",), "H", None, 30.0),
        },
    )

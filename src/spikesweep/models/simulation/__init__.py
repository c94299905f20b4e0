"""What simulates models: one cell, a driven neuron, a network, a pool of responses."""

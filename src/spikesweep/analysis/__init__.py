"""What is computed from results: a Dataset or arrays in, a Dataset or arrays out; nothing is simulated."""

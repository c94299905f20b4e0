"""How kernels are compiled and kept, and the mathematics that they inline."""

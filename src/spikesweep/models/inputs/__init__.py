"""What drives cells besides synapses: event trains, noise, stimuli, given samples, input patterns."""

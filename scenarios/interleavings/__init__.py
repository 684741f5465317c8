"""The lane of interleavings: a scenario of several lanes under every order of turns."""

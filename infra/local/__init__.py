"""The service on one machine: the local cloud, the simulated national platform, their life and their seed."""

"""The night's work of the clocks: what happens to what nobody acted on."""

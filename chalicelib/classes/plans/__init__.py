"""Applications for a class: plan, filing, the bureau's decision."""

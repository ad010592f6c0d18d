"""Who people are: names, numbers and phones, sealed, found by a keyed digest."""

"""Applications for a class (开班申请): written down, filed, decided by the bureau."""

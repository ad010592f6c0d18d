"""Cancelling a class: its trainees get their vouchers back."""

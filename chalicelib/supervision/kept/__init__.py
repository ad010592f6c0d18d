"""Figures that a night computes and pages show: what would cost hundreds of reads is read in one."""

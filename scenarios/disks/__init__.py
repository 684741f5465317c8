"""The lanes of other disks: full ones, and those of other systems."""

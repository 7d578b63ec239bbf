# SPDX-License-Identifier: Apache-2.0
"""Disk images on the build machine: made, looked into, checked, converted, and given to QEMU."""


class Refusal(Exception):
    """What the user asked for cannot be done; the text says why."""

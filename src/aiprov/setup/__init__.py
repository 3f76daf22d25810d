"""What a repository needs beside the manifest: worked out first, shown as a diff, then written all or none."""

from __future__ import annotations

from aiprov.setup._files import Edit, diff
from aiprov.setup._parts import PARTS, Part
from aiprov.setup._plan import Plan, apply, plan

__all__ = ["PARTS", "Edit", "Part", "Plan", "apply", "diff", "plan"]

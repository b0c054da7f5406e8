"""One thread for torch: its tests are many and small."""

from __future__ import annotations

import torch

torch.set_num_threads(1)

"""The native class behind an encoding, under the name that tiktoken gives its own."""

from tokengrove._native import CoreBPE as CoreBPE

"""What the Makefile runs. Each tool is started from the root: python -m tools.NAME"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

"""Short forms or long ones: `make campaign` sets MOCOLIB_CAMPAIGN."""

import os

LONG = "MOCOLIB_CAMPAIGN" in os.environ

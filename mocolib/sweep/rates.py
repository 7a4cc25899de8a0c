"""The base rates that the sweeps were made for: where it is calm, where it shakes."""

from dataclasses import dataclass

from mocolib.runs import Run


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Where claims are put to the test; fixed before their runs."""

    smallest: float
    calm: float
    shaking: tuple
    hopeless: float

    @property
    def shaky(self) -> float:
        """The larger of the shaking rates."""
        return self.shaking[-1]


RATES = Rates(smallest=4e-3, calm=1.6e-2, shaking=(3.2e-2, 4.8e-2), hopeless=9.6e-2)
SECOND = {  # the second data set's runs had been seen when these were chosen
    "folder:cifar10": Rates(
        smallest=1e-3, calm=4e-3, shaking=(1.6e-2, 4.8e-2), hopeless=4.8e-2
    )
}


def rates_of(runs: list[Run]) -> Rates:
    """The rates of the data set that the runs are on."""
    return SECOND.get(runs[0].recipe.dataset, RATES) if runs else RATES

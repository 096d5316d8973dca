"""Settings of `bayes`."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from palate.data.interactions import Interactions
from palate.models.bayes.chain import Likelihood, Links
from palate.models.contract import BaseConfig

MIN_DIM, MAX_DIM = 24, 64
"""Bounds of `dim` where it is left to the size of the table; the lower one also where no table is known yet."""


def _separated(written: object) -> object:
    """Return the parts of a text such as "3600,60"; any other value as it is."""
    return written.split(",") if isinstance(written, str) else written


Seconds = Annotated[tuple[Annotated[float, Field(ge=1)], ...], BeforeValidator(_separated)]


class BayesConfig(BaseConfig):
    """Settings of `bayes`."""

    dim: int | None = Field(
        None,
        ge=1,
        description="Number of latent factors (embedding size); if not set, half the mean number of ratings, 24 to 64.",
    )
    chains: int = Field(4, ge=1, description="Number of Gibbs chains, each from another random start.")
    sweeps: int = Field(250, ge=2, description="Number of Gibbs sweeps of each chain.")
    samples: int = Field(
        40, ge=1, description="Number of draws kept of each chain, evenly spread over all but its first quarter."
    )
    likelihood: Likelihood | Literal["both"] = Field(
        "both",
        description="Likelihood of ratings: ordered levels, numbers with normal noise, or half of the chains each.",
    )
    links: Links = Field(
        "both", description="Rows whose prior mean depends on their events: items, people (the users), both or none."
    )
    categories: bool = Field(True, description="Let an item's prior mean depend on its categories.")
    days: bool = Field(False, description="Learn a vector for each day (needs times).")
    sessions: Seconds = Field(
        (), description="Learn a vector for each session of a user: the session lengths in seconds (needs times)."
    )

    @model_validator(mode="after")
    def _enough_sweeps(self) -> "BayesConfig":
        if self.samples > self.kept:
            raise ValueError(
                f"samples is {self.samples}, but only the last {self.kept} of {self.sweeps} sweeps can be kept"
            )
        return self

    @property
    def kept(self) -> int:
        """Number of last sweeps of a chain from which draws are kept."""
        return self.sweeps - self.sweeps // 4

    @property
    def of_levels(self) -> int:
        """Number of chains, the first ones, that take ratings as ordered levels."""
        return {"ordinal": self.chains, "gaussian": 0, "both": (self.chains + 1) // 2}[self.likelihood]

    def suited(self, table: Interactions) -> Self:
        if self.dim is not None:
            return self
        dim = len(table) // (table.n_users + table.n_items) // 16 * 8
        return self.model_copy(update={"dim": min(max(dim, MIN_DIM), MAX_DIM)})

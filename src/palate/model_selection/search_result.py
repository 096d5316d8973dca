"""The result of a search for the best model: each model that was tried, and the one that was chosen."""

from dataclasses import dataclass

from palate.models.contract import Model
from palate.training.trainer import TrainingRecord


@dataclass(frozen=True)
class Trial:
    """One model of a search."""

    model: str
    score: float | None = None
    """Its metric on the validation part; None where it was not trained."""
    seconds: float | None = None
    """Seconds of its training; None where it was not trained."""
    note: str = ""
    """The reason why it was not trained, or that it was chosen."""


@dataclass(frozen=True)
class SearchResult:
    """The model that a search chose, trained on the training part alone, and how it compares with the others."""

    name: str
    model: Model
    record: TrainingRecord
    tried: list[Trial]
    """The models that were trained, the best first, and then the others."""
    measure: str
    """The name of the metric in `tried`."""
    sentences: list[str]
    """The choice and its reasons."""
    in_time: bool
    """Whether the time that is left is enough for a refit."""

    @property
    def notes(self) -> list[str]:
        """The choice, its reasons and all scores as the artifact stores them: without durations."""
        scores = [f"{trial.model} {trial.score:.4f}" for trial in self.tried if trial.score is not None]
        untried = [trial.model for trial in self.tried if trial.score is None]
        scored = f"{self.measure} on the validation part: {', '.join(scores)}"
        return [*self.sentences, scored + (f"; not tried: {', '.join(untried)}" if untried else "")]

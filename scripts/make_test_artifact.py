"""Write artifacts of the current format and their answers to tests/artifacts: later versions must still open them.

Run it once for a new format, from the repository's root: python -m scripts.make_test_artifact
"""

import json
from pathlib import Path

from tests import trained

from palate.artifact.header import FORMAT
from palate.models import MODELS

FOLDER = Path(__file__).parents[1] / "tests" / "artifacts" / f"format-{FORMAT}"


def main() -> None:
    if FOLDER.exists():
        raise SystemExit(f"{FOLDER} exists already and must not change")
    answers = {}
    for model in MODELS:
        result = trained.train(model, output=FOLDER / model)
        people = {str(user): result.recommender.recommend(user, k=5).to_dicts() for user in (1, 2, 30)}
        answers[model] = {"metrics": result.metrics, "recommend": people}
    FOLDER.with_suffix(".json").write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

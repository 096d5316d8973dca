"""The command `palate compare`."""

from pathlib import Path

import palate
from palate.cli.option_groups import grouped
from palate.cli.options import Items, Json, Table, read_table, search_here
from palate.cli.output import as_json, as_table, compilation_shown, say, say_notes, stages
from palate.options import ComparisonOptions, ReadingOptions, RunOptions, SplitOptions


@grouped
def compare(
    ratings: Table,
    items: Items = None,
    *,
    reading: ReadingOptions,
    comparison: ComparisonOptions,
    split: SplitOptions,
    run: RunOptions,
    json: Json = False,
) -> None:
    """Compare models on one table: which is best, which differ significantly, and what each costs.

    Each model is trained on the same split with several seeds. 95 % bootstrap intervals over users and seeds say which
    differences in RMSE, nDCG and recall are larger than chance.
    """
    search_here(*(comparison.models or ()))
    table = read_table(ratings, reading, items)
    say_notes(table.notes, json)
    with compilation_shown(quiet=json), stages(quiet=json) as told:
        result = palate.compare(table, comparison, split, run, title=Path(ratings[0]).name, told=told)
    if json:
        as_json(result.to_dict())
        return
    _tables(result)
    if comparison.report is not None:
        say(f"wrote {comparison.report}")


def _tables(comparison: "palate.Comparison") -> None:
    for measure in comparison.measures:
        rows = []
        users = max(len(model.runs[0].measured[measure.name].counts) for model in comparison.best_first(measure))
        for compared in comparison.best_first(measure):
            standing = compared.standings[measure.name]
            rows.append(
                {
                    "group": standing.group,
                    "model": compared.model,
                    measure.name: standing.value,
                    "95 % interval": f"{standing.low:.4f} to {standing.high:.4f}",
                    "over seeds": f"± {standing.spread:.4f}" if len(compared.runs) > 1 else "–",
                    "seconds": round(compared.seconds, 2),
                    "MB": round(compared.memory / 10**6),
                }
            )
        say()
        as_table(
            f"By {measure.name} of {users:,} users, {'most' if measure.larger_is_better else 'least'} first; models of one group do not differ significantly",
            rows,
        )
    say()
    for name, why in comparison.left_out.items():
        say(f"{name} is left out: {why}")
    for sentence in comparison.sentences:
        say(sentence)

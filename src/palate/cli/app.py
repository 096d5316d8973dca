"""Every command, by its file."""

import typer

from palate.cli import (
    checkup,
    compare,
    curves,
    directions,
    evaluate,
    explain,
    info,
    lists,
    predict,
    recommend,
    replay,
    sample,
    serve,
    similar,
    train,
)

app = typer.Typer(
    name="palate",
    help="Learn taste from ratings: train on a table, then ask for recommendations.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("checkup")(checkup.checkup)
app.command("train")(train.train)
app.command("compare")(compare.compare)
app.command("recommend")(recommend.recommend)
app.command("lists")(lists.lists)
app.command("predict")(predict.predict)
app.command("explain")(explain.explain)
app.command("similar")(similar.similar)
app.command("analogy")(similar.analogy)
app.command("directions")(directions.directions)
app.command("evaluate")(evaluate.evaluate)
app.command("curves")(curves.curves)
app.command("serve")(serve.serve)
app.command("replay")(replay.replay)
app.command("token")(serve.token)
app.command("info")(info.info)
app.command("sample")(sample.sample)

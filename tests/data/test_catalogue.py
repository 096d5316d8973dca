"""A catalogue has one row per item."""

import polars as pl

from palate.data.catalogue import SCHEMA, Catalogue


def test_an_empty_catalogue_knows_nothing() -> None:
    for n_items in (0, 1, 3):
        catalogue = Catalogue.empty(n_items)
        assert len(catalogue) == n_items
        assert dict(catalogue.frame.schema) == SCHEMA
        assert catalogue.frame.rows() == [(None, None, [])] * n_items


def test_titles() -> None:
    catalogue = Catalogue(
        pl.DataFrame({"title": ["A", None], "text": ["t", "u"], "categories": [["x"], []]}, schema=SCHEMA)
    )
    assert (catalogue.title(0), catalogue.title(1)) == ("A", None)

import palate

BASELINES = {"bias": {"rmse": 0.9, "ndcg@10": 0.02}, "popularity": {"ndcg@10": 0.1}}


def test_where_the_model_wins() -> None:
    assert palate.verdict("neural", {"rmse": 0.85, "ndcg@10": 0.2}, BASELINES) == [
        "neural predicts ratings better than bias: RMSE 0.8500 against 0.9000.",
        "neural ranks better than popularity: nDCG@10 0.2000 against 0.1000.",
    ]


def test_where_the_baseline_wins_it_says_so() -> None:
    assert palate.verdict("neural", {"rmse": 0.95, "ndcg@10": 0.05}, BASELINES) == [
        "neural predicts ratings no better than bias: RMSE 0.9500 against 0.9000.",
        "neural ranks no better than popularity: nDCG@10 0.0500 against 0.1000. "
        "For top-N lists, train with model='best', aim='lists'.",
    ]


def test_a_draw_is_not_won() -> None:
    sentences = palate.verdict("neural", {"rmse": 0.9, "ndcg@10": 0.1}, BASELINES)
    assert ["no better" in sentence for sentence in sentences] == [True, True]


def test_the_best_baseline_is_the_rival() -> None:
    baselines = {"a": {"rmse": 0.9, "ndcg@10": 0.1}, "b": {"rmse": 0.8, "ndcg@10": 0.3}, "c": {"rmse": 0.85}}
    sentences = palate.verdict("neural", {"rmse": 0.82, "ndcg@10": 0.2}, baselines)
    assert "no better than b: RMSE 0.8200 against 0.8000" in sentences[0]
    assert "no better than b: nDCG@10 0.2000 against 0.3000" in sentences[1]


def test_lists_of_another_length() -> None:
    assert palate.verdict("m", {"ndcg@3": 0.2}, {"popularity": {"ndcg@3": 0.1}}, k=3) == [
        "m ranks better than popularity: nDCG@3 0.2000 against 0.1000."
    ]


def test_nothing_to_compare_says_nothing() -> None:
    assert palate.verdict("neural", {"rmse": 0.8}, {}) == []
    assert palate.verdict("neural", {}, BASELINES) == []
    assert palate.verdict("popularity", {"ndcg@10": 0.1}, {"bias": {"rmse": 0.9}}) == []

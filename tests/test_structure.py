"""The shape of the code: few modules at the top, short files and functions, and docstrings that are sentences."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tables import ROOT

SOURCE = ROOT / "src" / "palate"
TREES = {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_bytes()) for path in sorted(SOURCE.rglob("*.py"))}

MODULES_AT_THE_TOP = 8
LINES_OF_A_FILE = 300
LINES_OF_A_FUNCTION = 60
PARAMETERS = 12

LONG_FILES = {
    "models/neural/step_llvm.py": "one compiled step; its parts share their registers and can't be read apart",
}
LONG_FUNCTIONS: dict[str, str] = {}
WIDE_SIGNATURES: dict[str, str] = {}

NO_VERB = (
    "A About According Across After Against All An And Any Are As At Before Being Between Both But By Each Every "
    "Everybody Everyone Everything For From Given How If In Into Is It Its Left Less Many More No None Nobody Not "
    "Nothing Of On One Only Other Others Out Over Same Several Since So Some Somebody Someone Something Such Than That "
    "The Their There These They Things This Those To Two Under Until Up Upon Usual What Whatever When Whenever Where "
    "Whether Which Whichever While Who Whoever Whom Whose Why With Within Without"
)
"""Words that begin a fragment, where the docstring of a function should begin with a verb."""

RIDDLES = (
    "As At Being By For From How If In Of On That What Whatever When Where Whether Which Who Whoever Whom Whose Why "
    "With Within Without"
)
"""Words that begin a fragment, where the docstring of a class, a property or a module should begin with a noun."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def parameters(function: Function) -> list[str]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    stars = [star for star in (arguments.vararg, arguments.kwarg) if star]
    return [argument.arg for argument in [*named, *stars] if argument.arg not in ("self", "cls")]


def bound_names(tree: ast.AST) -> Iterator[str]:
    """Yield every name that the code gives to something: variables, attributes, fields, parameters, functions."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name


def public_docstrings(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """Yield kind, name and docstring of the module and of its public classes, functions, methods and properties."""
    ahead: list[ast.Module | ast.ClassDef | Function] = [tree]
    while ahead:
        node = ahead.pop()
        name = getattr(node, "name", "the module")
        if name.startswith("_"):
            continue
        if text := ast.get_docstring(node):
            yield kind_of(node), name, text
        if not isinstance(node, Function):
            ahead += [child for child in node.body if isinstance(child, ast.ClassDef | Function)]


def kind_of(node: ast.Module | ast.ClassDef | Function) -> str:
    decorators = {ast.unparse(decorator) for decorator in getattr(node, "decorator_list", ())}
    if isinstance(node, Function) and not decorators & {"property", "cached_property", "functools.cached_property"}:
        return "function"
    return "noun"


def fault(kind: str, text: str) -> str | None:
    """Return what is wrong with the first sentence of a docstring, None where nothing is."""
    opening = " ".join(text.split("\n\n")[0].split())
    word = re.split(r"[\s,.:]", opening)[0]
    formula = kind == "noun" and re.match(r"\w+\([\w, ]+\) = ", opening)
    if not (formula or re.match(r"[A-Z`]" if kind == "function" else r"[A-Z`(]", opening)):
        return "begins neither with a capital letter nor with `code`, a shape or a formula"
    if not (formula or re.search(r"\.(?=[\s)]|$)|:$|-> \(.*\)", opening)):
        return "does not end its first sentence with a period or a shape"
    if kind == "function" and (word in NO_VERB.split() or re.fullmatch(r"[A-Z][a-z]+[^s]s", word)):
        return f"begins with {word!r}, not with a verb such as Return, Read, Write"
    if kind == "noun" and word in RIDDLES.split():
        return f"begins with {word!r}, which is a fragment"
    return None


def check(exceptions: dict[str, str], beyond: dict[str, int], limit: int) -> None:
    """Hold that what is beyond the limit is just what is excepted, and each exception gives its reason."""
    assert all(len(reason.split()) > 3 for reason in exceptions.values())
    new = {name: size for name, size in beyond.items() if name not in exceptions}
    assert not new, f"beyond {limit}: {new}"
    assert not set(exceptions) - set(beyond), "no longer an exception; take it off the list"


def test_few_modules_stand_at_the_top() -> None:
    modules = sorted(path.name for path in SOURCE.glob("*.py"))
    assert len(modules) <= MODULES_AT_THE_TOP, modules


def test_files_are_short() -> None:
    lengths = {name: len((SOURCE / name).read_text(encoding="utf-8").splitlines()) for name in TREES}
    long = {name: length for name, length in lengths.items() if length > LINES_OF_A_FILE}
    check(LONG_FILES, long, LINES_OF_A_FILE)


def test_functions_are_short() -> None:
    long = {
        f"{name}:{function.name}": length
        for name, tree in TREES.items()
        for function in functions(tree)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > LINES_OF_A_FUNCTION
    }
    check(LONG_FUNCTIONS, long, LINES_OF_A_FUNCTION)


def test_signatures_are_narrow() -> None:
    wide = {
        f"{name}:{function.name}": width
        for name, tree in TREES.items()
        for function in functions(tree)
        if (width := len(parameters(function))) > PARAMETERS
    }
    check(WIDE_SIGNATURES, wide, PARAMETERS)


@pytest.mark.parametrize("name", TREES)
def test_nothing_is_called_found(name: str) -> None:
    assert "found" not in set(bound_names(TREES[name])), "say what it is: rows, scores, a match, a model"


@pytest.mark.parametrize("name", TREES)
def test_docstrings_begin_with_a_sentence(name: str) -> None:
    faults = [
        f"{place}: {said}: {text.splitlines()[0]}"
        for kind, place, text in public_docstrings(TREES[name])
        if (said := fault(kind, text))
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "code",
    [
        "found = 1",
        "self.found = 1",
        "(a, found), *b = c",
        "(found := 1)",
        "for found in a: pass",
        "[found for found in a]",
        "with a as found: pass",
        "class A:\n    found: int",
        "def f(found): pass",
        "lambda *found: 1",
        "def found(): pass",
        "import a as found",
        "from a import found",
        "match a:\n    case {'b': found}: pass",
    ],
)
def test_every_way_to_bind_a_name_is_seen(code: str) -> None:
    assert "found" in set(bound_names(ast.parse(code)))


@pytest.mark.parametrize(
    ("kind", "text", "good"),
    [
        ("function", "Return the k best items.", True),
        ("function", "Fit one step. Then another", True),
        ("function", "`weights` are changed in place.", True),
        ("function", "Pass the batch on.", True),
        ("function", "How many.", False),
        ("function", "The k best items.", False),
        ("function", "Returns the k best items.", False),
        ("function", "Return the k best items", False),
        ("function", "return the k best items.", False),
        ("function", "Return the vectors -> (n, d)", True),
        ("noun", "score(u, i) = p_u · q_i; a new user is solved from their history.", True),
        ("noun", "(n_items,): the number of ratings of each item.", True),
        ("noun", "The k best items.", True),
        ("noun", "What a list holds.", False),
        ("noun", "Whether a list is full.", False),
    ],
)
def test_a_fragment_is_told_from_a_sentence(kind: str, text: str, good: bool) -> None:
    assert (fault(kind, text) is None) == good


def test_the_paths_of_the_exceptions_are_files() -> None:
    named = [*LONG_FILES, *(name.partition(":")[0] for name in [*LONG_FUNCTIONS, *WIDE_SIGNATURES])]
    assert all(Path(SOURCE / name).is_file() for name in named)

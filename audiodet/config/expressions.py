"""Arithmetic in a YAML, as detectron2's zoo has it, without running any code.

detectron2's RetinaNet has ``SIZES: !!python/object/apply:eval ["[[x, x * 2**(1.0/3)] for x in
[32, 64]]"]``. Only that tag is read, and only numbers, lists, operators and comprehensions in it.
"""

import ast
import operator

import yaml

EVAL_TAG = "tag:yaml.org,2002:python/object/apply:eval"
LARGEST = 1e12  # no value, and
LONGEST = 10_000  # no list, grows beyond this: a configuration cannot hang the machine
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


class Loader(yaml.SafeLoader):
    """yaml's safe loader, which also reads arithmetic; other python tags are errors by name."""


def _construct_arithmetic(loader: Loader, node: yaml.Node):
    arguments = loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else []
    if len(arguments) != 1 or not isinstance(arguments[0], str):
        raise yaml.constructor.ConstructorError(
            None, None, "!!python/object/apply:eval expects a list of one text", node.start_mark
        )
    try:
        return evaluate(arguments[0])
    except (ValueError, SyntaxError, TypeError, ArithmeticError, RecursionError) as error:
        raise yaml.constructor.ConstructorError(
            None, None, f"{arguments[0]!r:.80} is no arithmetic: {error}", node.start_mark
        ) from error


Loader.add_constructor(EVAL_TAG, _construct_arithmetic)


def evaluate(text: str):
    """Value of an expression of numbers, lists, + - * / // % ** and list comprehensions.

    Raises:
        ValueError: anything else (a call, an attribute, a name that no comprehension binds), or
            values and lists that are too large.
        SyntaxError, TypeError, ArithmeticError: as Python raises them.
    """
    return _value(ast.parse(text.strip(), mode="eval").body, {})


def _value(node: ast.expr, names: dict):
    """Value of a node, with the values of the comprehension's names."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [_value(part, names) for part in parts]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand, names)
        case ast.BinOp(left=left, op=kind, right=right):
            return _binary(kind, _number(left, names), _number(right, names))
        case ast.ListComp(elt=element, generators=[ast.comprehension(ifs=[], is_async=0) as loop]):
            return _comprehension(element, loop, names)
    raise ValueError(f"{ast.unparse(node)} is not allowed")


def _number(node: ast.expr, names: dict) -> float:
    value = _value(node, names)
    if isinstance(value, list):
        raise ValueError(f"{ast.unparse(node)} is a list, expected a number")
    return value


def _binary(kind: ast.operator, left: float, right: float) -> float:
    if isinstance(kind, ast.Pow):
        value = float(left) ** float(right)  # of floats: 9**9**9 overflows instead of computing
        both_whole = isinstance(left, int) and isinstance(right, int) and right >= 0
        value = int(value) if both_whole and abs(value) <= LARGEST else value
    elif type(kind) in OPERATORS:
        value = OPERATORS[type(kind)](left, right)
    else:
        raise ValueError(f"the operator {type(kind).__name__} is not allowed")
    if isinstance(value, complex) or not abs(value) <= LARGEST:
        raise ValueError(f"{value:.3g} is too large, expected numbers up to {LARGEST:.0e}")
    return value


def _comprehension(element: ast.expr, loop: ast.comprehension, names: dict) -> list:
    items = _value(loop.iter, names)
    if not isinstance(loop.target, ast.Name) or not isinstance(items, list):
        raise ValueError("a comprehension runs over one name and a list")
    values = []
    size = 0
    for item in items:
        values.append(_value(element, {**names, loop.target.id: item}))
        size += _size(values[-1])
        if size > LONGEST:
            raise ValueError(f"a list of more than {LONGEST} numbers")
    return values


def _size(value) -> int:
    """Numbers in a value, nested lists included."""
    return sum(map(_size, value)) if isinstance(value, list) else 1

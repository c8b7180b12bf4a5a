#!/usr/bin/env python
"""What a checkout's package measures: files and lines, imports, how dense the code is, its README.

A floor is a step of the longest chain of imports between packages; a circle is a group of packages
that import each other. Imports inside functions count.
"""

import argparse
import ast
import itertools
import re
from collections import defaultdict
from pathlib import Path

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def room_of(path: Path, package: Path) -> str:
    """The package that a file lies in, as a path; a file at the top is a room of its own."""
    parts = path.relative_to(package).parts
    return "/".join(parts[:-1]) or parts[0]


def imported_files(path: Path, package: Path) -> set[Path]:
    """Files of the package that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    files = set()
    for name in names:
        place = package.parent.joinpath(*name.split("."))
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if name.startswith("audiodet.") and file.is_file():
                files.add(file)
    return files - {path}


def reached_from(room: str, edges: dict) -> set[str]:
    """Rooms that a room imports, directly or through others."""
    reached = set()
    todo = [room]
    while todo:
        for other in edges[todo.pop()] - reached:
            reached.add(other)
            todo.append(other)
    return reached


def floors_and_circles(edges: dict) -> tuple[list[str], list[list[str]]]:
    """The longest chain of rooms that import each other downwards, and the groups in a circle."""
    reached = {room: reached_from(room, edges) for room in edges}
    circles = set()
    for room in edges:
        both_ways = [other for other in reached[room] if room in reached[other]]
        circles.add(tuple(sorted(both_ways)))
    chains = {}

    def chain(room: str) -> list[str]:
        if room not in chains:
            below = [other for other in edges[room] if room not in reached[other]]
            chains[room] = [room, *max(map(chain, below), key=len, default=[])]
        return chains[room]

    longest = max(map(chain, edges), key=len)
    return longest, [list(circle) for circle in sorted(circles) if len(circle) > 1]


def density(trees: list[ast.AST]) -> dict[str, int]:
    """How many comprehensions, nested ones, assignments, and assignments of tuples to tuples."""
    counts = dict.fromkeys(("comprehensions", "nested", "assignments", "tuples"), 0)
    for node in itertools.chain.from_iterable(map(ast.walk, trees)):
        if isinstance(node, COMPREHENSIONS):
            inside = [x for x in ast.walk(node) if x is not node]
            counts["comprehensions"] += 1
            counts["nested"] += any(isinstance(x, COMPREHENSIONS) for x in inside)
        elif isinstance(node, ast.Assign):
            both = isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple)
            counts["assignments"] += 1
            counts["tuples"] += both
    return counts


def main(checkout: Path) -> None:
    package = checkout / "audiodet"
    files = sorted(package.rglob("*.py"))
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    sizes = defaultdict(list)
    edges = defaultdict(set)
    for path, text in texts.items():
        room = room_of(path, package)
        sizes[room].append(text.count("\n"))
        edges[room] |= {room_of(other, package) for other in imported_files(path, package)} - {room}
    print("| room | files | lines |\n|---|---|---|")
    for room, lines in sorted(sizes.items()):
        print(f"| {room} | {len(lines)} | {sum(lines)} |")
    total = sum(map(sum, sizes.values()))
    print(f"| all {len(sizes)} | {len(files)} | {total} |\n")
    longest, circles = floors_and_circles(edges)
    counts = density([ast.parse(text) for text in texts.values()])
    skips = sum(text.count("# fmt: skip") + text.count("# fmt: off") for text in texts.values())
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    numbers = re.findall(r"\d+(?:[.,]\d+)*", readme)
    print(f"floors: {len(longest)} ({' > '.join(longest)})")
    print(f"circles of rooms: {', '.join(map(' <> '.join, circles)) or 'none'}")
    print(f"longest file: {max(text.count(chr(10)) for text in texts.values())} lines")
    for name in ("comprehensions", "nested"):
        print(f"{name} a thousand lines: {1000 * counts[name] / total:.1f}")
    print(f"tuple assignments: {100 * counts['tuples'] / counts['assignments']:.1f} %")
    print(f"fmt skips: {skips}")
    words = len(readme.split())
    print(f"README: {readme.count(chr(10))} lines, {words} words, {len(numbers)} numbers")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", nargs="?", default=".", type=Path)
    main(parser.parse_args().checkout.resolve())

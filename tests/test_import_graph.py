"""No module imports itself by way of others: neither at the top, nor inside a function, nor for its types alone."""

from __future__ import annotations

import grimp


def circles(graph: grimp.ImportGraph) -> list[str]:
    """Every import circle as ``a → b → a``: one, the shortest, for each group of modules that reach one another."""
    shown: list[str] = []
    seen: set[str] = set()
    for module in sorted(graph.modules):
        if module in seen:
            continue
        onward = graph.find_upstream_modules(module) & graph.find_downstream_modules(module)
        if onward or graph.direct_import_exists(importer=module, imported=module):
            seen |= {module, *onward}
            shown.append(" → ".join(_shortest_round(graph, {module, *onward})))
    return shown


def _shortest_round(graph: grimp.ImportGraph, group: set[str]) -> list[str]:
    rounds = []
    for module in sorted(group):
        for imported in sorted(graph.find_modules_directly_imported_by(module) & group):
            back = (module,) if imported == module else graph.find_shortest_chain(importer=imported, imported=module)
            rounds.append([module, *(back or ())])
    return min(rounds, key=len)


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph("studio", exclude_type_checking_imports=False, cache_dir=None)
    assert len(graph.modules) > 100, "the graph is not that of the whole tree"
    assert circles(graph) == []


def test_a_circle_is_named_whole_and_once() -> None:
    graph = grimp.ImportGraph()
    for importer, imported in [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "a"), ("f", "f")]:
        graph.add_import(importer=importer, imported=imported)
    assert circles(graph) == ["a → b → c → a", "f → f"]

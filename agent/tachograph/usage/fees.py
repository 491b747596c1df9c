"""Pure: what a response was billed for beside tokens, where its usage does not say so.

OpenAI lists the calls of its hosted tools in the output, Google its searches beside the candidates.
Units have genai-prices' names; one that no list prices leaves the call unpriced, never free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tachograph.usage.plain_data import fields_of

_TOOLS = {
    "web_search_call": "web_searches",
    "file_search_call": "storage_searches",
    "code_interpreter_call": "code_executions",
    "image_generation_call": "image_generations",
}
"""OpenAI's hosted tools; the others cost tokens alone."""
_MESSAGE = ("message", "delta")
_EXECUTED = ("executed_tools",)
_ITEM = ("type", "id", "status", "action")
_FREE_ACTIONS = {"open_page", "find_in_page", "find"}
"""Of a web search only the search is billed, by OpenAI's list of prices."""
_GROQ_TOOLS = {
    "search": "web_searches",
    "web_search": "web_searches",
    "browser_search": "web_searches",
    "visit": "website_visits",
    "visit_website": "website_visits",
    "python": "code_executions",
    "code_interpreter": "code_executions",
    "browser_automation": "browser_automations",
}
"""Tools that Groq runs and bills apart, by the types of `executed_tools`."""
_XAI_TOOLS = {
    "SERVER_SIDE_TOOL_WEB_SEARCH": "web_searches",
    "SERVER_SIDE_TOOL_X_SEARCH": "social_searches",
    "SERVER_SIDE_TOOL_COLLECTIONS_SEARCH": "storage_searches",
    "SERVER_SIDE_TOOL_ATTACHMENT_SEARCH": "storage_searches",
    "SERVER_SIDE_TOOL_CODE_EXECUTION": "code_executions",
}
"""Tools that xAI bills by the use, and lists among the counts of tokens."""
_COUNTED = {
    "server_tool_use.web_search_requests": "web_searches",
    "server_tool_use.code_execution_requests": "code_executions",
    "connectors.web_search": "web_searches",
    "connectors.web_search_premium": "web_searches",
    "connectors.image_generation": "image_generations",
    "connectors.code_interpreter": "code_executions",
    "num_sources_used": "live_search_sources",
}
"""Counts in a usage that are none of tokens: Anthropic's, Mistral's and xAI's."""
_BY_QUERY = "gemini-3"
"""Since Gemini 3 each query of a grounded answer is billed; before, each answer that searched."""


def tool_of(item: object) -> tuple[str | None, str] | None:
    """Return the id and the unit of an item of the output that is billed by the call, else None."""
    fields = fields_of(item, _ITEM)
    kind = fields.get("type")
    unit = _TOOLS.get(kind) if isinstance(kind, str) else None
    action = fields_of(fields.get("action"), ("type",)).get("type")
    if unit is None or fields.get("status") == "failed" or action in _FREE_ACTIONS:
        return None
    named = fields.get("id")
    return (None if named is None else str(named)), unit


def executed_tools(choice: object) -> dict[str, str]:
    """Return the units of the tools that Groq ran for a choice, by their places in its list."""
    fields = fields_of(choice, _MESSAGE)
    message = fields.get("message") or fields.get("delta")
    listed = None if message is None else fields_of(message, _EXECUTED).get(_EXECUTED[0])
    units: dict[str, str] = {}
    for place, tool in enumerate(listed if isinstance(listed, list) else ()):
        named = fields_of(tool, ("type", "index"))
        unit = _GROQ_TOOLS.get(str(named.get("type")))
        if unit is not None:
            units[f"executed {named.get('index', place)}"] = unit
    return units


def queries_of(candidate: object) -> int:
    """Return how many searches a candidate of Gemini's made; an empty query is none."""
    names = ("groundingMetadata", "grounding_metadata")
    found = fields_of(candidate, names)
    for name in names:
        grounding = fields_of(found.get(name), ("webSearchQueries", "web_search_queries"))
        queries = grounding.get("webSearchQueries") or grounding.get("web_search_queries")
        if isinstance(queries, Iterable) and not isinstance(queries, str | bytes):
            return len({query for query in queries if isinstance(query, str) and query.strip()})
    return 0


def fees_of(
    usage: Mapping[str, Any], tools: Iterable[str], queries: int, model: str | None
) -> dict[str, int]:
    """Return the units of a response that are billed beside its tokens.

    `tools` are the units of its output's items, `queries` the searches of a grounded answer.
    """
    units = Counter(tools)
    used = usage.get("server_side_tools_used")
    for tool in used if isinstance(used, list) else ():
        if isinstance(tool, str) and tool in _XAI_TOOLS:
            units[_XAI_TOOLS[tool]] += 1
    for path, unit in _COUNTED.items():
        outer, _, name = path.rpartition(".")
        within = usage.get(outer) if outer else usage
        count = within.get(name) if isinstance(within, Mapping) else None
        if isinstance(count, int) and count > 0:
            units[unit] += count
    if queries:
        units["web_searches"] += queries if _BY_QUERY in (model or "") else 1
    if "-search-preview" in (model or "") or "-search-api" in (model or ""):
        units["web_searches"] += 1  # such a model searches at every request
    return dict(units)

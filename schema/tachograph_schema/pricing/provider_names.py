"""Pure: the names of providers: the price list's, OpenTelemetry's, and what others call them."""

from __future__ import annotations

from typing import Final

WELL_KNOWN: Final = {
    "openai": "openai",
    "anthropic": "anthropic",
    "aws": "aws.bedrock",
    "azure": "azure.ai.openai",
    "google": "gcp.gen_ai",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "groq": "groq",
    "mistral": "mistral_ai",
    "perplexity": "perplexity",
    "x-ai": "x_ai",
    "watsonx": "ibm.watsonx.ai",
    "moonshotai": "moonshot_ai",
}
"""The price list's name of a provider -> `gen_ai.provider.name` of OpenTelemetry's conventions."""
_OTHERS: Final = {
    "gcp.gemini": ("google", "gcp.gemini"),
    "google-gla": ("google", "gcp.gemini"),
    "gemini": ("google", "gcp.gemini"),
    "gcp.vertex_ai": ("google", "gcp.vertex_ai"),
    "google-vertex": ("google", "gcp.vertex_ai"),
    "vertex_ai": ("google", "gcp.vertex_ai"),
    "vertexai": ("google", "gcp.vertex_ai"),
    "vertex": ("google", "gcp.vertex_ai"),
    "azure.ai.inference": ("azure", "azure.ai.inference"),
    "az.ai.inference": ("azure", "azure.ai.inference"),
    "azure_ai": ("azure", "azure.ai.inference"),
    "az.ai.openai": ("azure", "azure.ai.openai"),
    "azure-openai": ("azure", "azure.ai.openai"),
    "bedrock": ("aws", "aws.bedrock"),
    "aws-bedrock": ("aws", "aws.bedrock"),
    "amazon-bedrock": ("aws", "aws.bedrock"),
    "mistralai": ("mistral", "mistral_ai"),
    "xai": ("x-ai", "x_ai"),
    "ibm": ("watsonx", "ibm.watsonx.ai"),
    "moonshot": ("moonshotai", "moonshot_ai"),
}
"""Another name -> the price list's and the conventions', which tell Google's two doors apart."""
_HOSTS: Final = {
    **{known: listed for listed, known in WELL_KNOWN.items()},
    **{name: listed for name, (listed, _) in _OTHERS.items()},
}


def listed_name(provider: str) -> str:
    """Return the price list's name of a provider; the name itself where it is no other's."""
    return _HOSTS.get(provider.lower(), provider)


def well_known_name(provider: str) -> str:
    """Return the value of `gen_ai.provider.name`; the name itself where there is no such value."""
    name = provider.lower()
    if name in _OTHERS:
        return _OTHERS[name][1]
    return WELL_KNOWN.get(name, provider)

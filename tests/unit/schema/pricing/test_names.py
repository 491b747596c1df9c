"""What the ids of models and the names of providers say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from genai_prices import data_snapshot

from tachograph_schema.pricing.call import Call
from tachograph_schema.pricing.explanation import explain
from tachograph_schema.pricing.provider_names import WELL_KNOWN, listed_name, well_known_name
from tachograph_schema.usage import Usage

_AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/a1b2c3",
            "application inference profiles do not say whose price they have",
        ),
        (
            "arn:aws:bedrock:us-east-1:1:provisioned-model/a1b2c3",
            "provisioned models do not say whose price they have",
        ),
        (
            "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "no list has the prices of this partition of AWS",
        ),
        ("openai/gpt-4o:online", ":online adds a fee that no list has"),
        ("nobody/knows", "no list has a price for exactly this"),
    ],
)
def test_model_without_a_price_says_why(model: str, why: str) -> None:
    explanation = explain(Call(Usage(1), model, None, _AT))
    assert (explanation.certainty, explanation.source) == ("unpriced", why)


@pytest.mark.parametrize(
    ("model", "provider", "certainty"),
    [
        # docs.aws.amazon.com/bedrock: Claude since 4 is called through a profile, and answers
        # without it; a global profile costs a tenth less than a region's.
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "aws", "list price, provider assumed"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", None, "list price, provider assumed"),
        ("claude-sonnet-4-5-20250929", "bedrock", "list price, provider assumed"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws", "list price"),
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws", "list price"),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
            "aws",
            "list price",
        ),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "aws", "list price"),
        ("claude-sonnet-4-5-20250929", "anthropic", "list price"),
    ],
)
def test_profile_that_an_id_leaves_out_is_assumed_and_said(
    model: str, provider: str | None, certainty: str
) -> None:
    explanation = explain(Call(Usage(1000), model, provider, _AT))
    assert explanation.certainty == certainty
    assert ("names no profile" in explanation.source) == (certainty != "list price")


@pytest.mark.parametrize(
    ("name", "listed", "well_known"),
    [
        ("anthropic", "anthropic", "anthropic"),
        ("aws", "aws", "aws.bedrock"),
        ("Bedrock", "aws", "aws.bedrock"),
        ("aws.bedrock", "aws", "aws.bedrock"),
        ("azure-openai", "azure", "azure.ai.openai"),
        ("azure.ai.inference", "azure", "azure.ai.inference"),
        ("google", "google", "gcp.gen_ai"),
        ("google-gla", "google", "gcp.gemini"),
        ("google-vertex", "google", "gcp.vertex_ai"),
        ("x-ai", "x-ai", "x_ai"),
        ("mistral", "mistral", "mistral_ai"),
        ("moonshotai", "moonshotai", "moonshot_ai"),
        ("watsonx", "watsonx", "ibm.watsonx.ai"),
        ("openrouter", "openrouter", "openrouter"),
        ("our-gateway", "our-gateway", "our-gateway"),
    ],
)
def test_provider_has_a_name_in_the_list_and_one_in_the_conventions(
    name: str, listed: str, well_known: str
) -> None:
    assert listed_name(name) == listed
    assert well_known_name(name) == well_known
    assert well_known_name(well_known) == well_known


def test_well_known_provider_is_on_the_list_under_the_name_it_leads_to() -> None:
    listed = {provider.id for provider in data_snapshot.get_snapshot().providers}
    assert WELL_KNOWN.keys() - listed == {"watsonx"}

"""Who opened or clicked: a person, a proxy that loads pictures for people, or a machine; with the rule that decided.

The signs in their order: the method, a word of the provider, the agent, the network, a burst over the links of a
mail, the time since the mail was sent. Here: that order. Not here: the lists of agents and networks (YAML beside it).
"""

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from crm_platform.campaign.actors.agents import Agent, agent_signs, known_agents
from crm_platform.campaign.actors.networks import Network, known_networks, network_of
from crm_platform.campaign.actors.settings import ActorSettings

ACTOR_CLASSES = ("human", "privacy_proxy", "machine")
RESPONSES = ("opened", "clicked")
VERDICT = {"actor_class": pl.String(), "actor_rule": pl.String(), "actor_evidence": pl.String()}
_NO_SIGN = "no_sign"


def agents_of(settings: ActorSettings) -> tuple[Agent, ...]:
    """The company's patterns, which come first, and those of the package."""
    return (*settings.agents, *known_agents())


def networks_of(settings: ActorSettings) -> tuple[Network, ...]:
    """The networks of the package, and the company's, which count where both name a range."""
    return (*known_networks(), *settings.networks)


def networks_from(addresses: pl.Series, settings: ActorSettings) -> pl.Series:
    """The known network of each address, null where there is none."""
    return network_of(addresses, networks_of(settings))


def classify(responses: pl.DataFrame, settings: ActorSettings) -> pl.DataFrame:
    """The columns of VERDICT for opens and clicks, in their order.

    responses: event_type (opened, clicked), method, user_agent, network, is_proxy, member_id, campaign_id, link_id,
    url, event_dt, arrived_dt (when the mail was delivered, or sent), number_of_links (of the campaign). Only rows given
    together are seen as a burst.
    """
    signs = responses.with_columns(agent_signs(responses["user_agent"], agents_of(settings)))
    signs = signs.with_columns(_network_acts(signs["network"], networks_of(settings)), _links_in_burst(signs, settings))
    return signs.select(_decided(settings))


def _decided(settings: ActorSettings) -> list[pl.Expr]:
    """The first sign that holds, as class, rule and evidence."""
    since = (pl.col("event_dt") - pl.col("arrived_dt")).dt.total_seconds(fractional=True)
    needed = pl.min_horizontal(
        pl.lit(settings.burst_links), pl.col("number_of_links").clip(2).fill_null(settings.burst_links)
    )
    is_burst = pl.col("links_in_burst") >= needed
    is_soon = since.is_between(-settings.seconds_before, settings.seconds_after)
    # Of a provider that does not tell the agent, none is no sign.
    agent_decides = pl.col("agent_class").is_not_null() & pl.coalesce("user_agent", "method").is_not_null()
    by_network = (pl.col("network_acts") == "machine") | (
        (pl.col("event_type") == "opened") & (pl.col("network_acts").is_not_null())
    )
    signs: list[tuple[pl.Expr, pl.Expr, pl.Expr, pl.Expr]] = [
        (pl.col("method").is_in(("GET",)).not_(), pl.lit("machine"), pl.lit("method"), pl.col("method")),
        (pl.col("is_proxy"), pl.lit("privacy_proxy"), pl.lit("told_by_provider"), pl.lit(None, pl.String)),
        (agent_decides, pl.col("agent_class"), pl.format("agent:{}", "agent_rule"), pl.col("user_agent")),
        (by_network, pl.col("network_acts"), pl.format("network:{}", "network"), pl.col("network")),
        (is_burst, pl.lit("machine"), pl.lit("burst"), pl.format("{} links", "links_in_burst")),
        (is_soon, pl.lit("machine"), pl.lit("too_soon"), pl.format("{} s", since.round(1))),
    ]
    chosen = {
        "actor_class": pl.lit("human"), "actor_rule": pl.lit(_NO_SIGN), "actor_evidence": pl.lit(None, pl.String),
    }  # fmt: skip
    for holds, *verdict in reversed(signs):
        for name, value in zip(VERDICT, verdict, strict=True):
            chosen[name] = pl.when(holds.fill_null(False)).then(value).otherwise(chosen[name])
    return [expression.alias(name) for name, expression in chosen.items()]


def _network_acts(network: pl.Series, networks: Sequence[Network]) -> pl.Series:
    acts = {each.name: each.acts for each in networks}
    return network.replace_strict(acts, default=None, return_dtype=pl.String).alias("network_acts")


def _links_in_burst(responses: pl.DataFrame, settings: ActorSettings) -> pl.Series:
    """How many different links of one mail were asked for without a pause, the one of the row among them.

    The picture of the mail, asked for in the same breath, is part of the burst.
    """
    mail = ["campaign_id", "member_id"]
    pause = timedelta(seconds=settings.burst_seconds)
    known = (
        responses.select(*mail, "event_dt", link=pl.coalesce("link_id", "url"))
        .with_row_index("row")
        .filter(pl.col("member_id").is_not_null())
        .sort(*mail, "event_dt")
    )
    begins = (pl.col("event_dt").diff() > pause) | ~pl.struct(mail).eq(pl.struct(mail).shift())
    bursts = known.with_columns(burst=begins.fill_null(True).cum_sum())
    counts = bursts.group_by("burst").agg(links_in_burst=pl.col("link").drop_nulls().n_unique().cast(pl.Int64))
    rows = bursts.join(counts, on="burst").select("row", "links_in_burst")
    whole = pl.DataFrame({"row": pl.int_range(responses.height, dtype=pl.UInt32, eager=True)})
    return whole.join(rows, on="row", how="left", maintain_order="left")["links_in_burst"].fill_null(0)

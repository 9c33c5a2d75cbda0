"""What the Dagster UI shows of a table: counts, columns, tables and pictures. Nothing personal."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import matplotlib
import polars as pl
from matplotlib.figure import Figure

from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.publish import Publication

matplotlib.use("agg")

BAR_COLOUR = "#4f46e5"
MOST_BARS = 48


def column_schema(contract: Contract) -> dg.TableSchema:
    """The contract's columns as Dagster shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.duckdb_type.lower(),
                description=column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=column.is_nullable,
                    unique=contract.key == (column.name,),
                    other=list(column.checks),
                ),
            )
            for column in contract.columns
        ]
    )


def definition_metadata(contract: Contract) -> dict[str, Any]:
    """What is known of a table before it is ever made."""
    about: dict[str, Any] = {
        "dagster/column_schema": column_schema(contract),
        "dagster/table_name": contract.name,
        "grain": contract.grain,
        "key": ", ".join(contract.key),
    }
    if contract.partition is not None:
        about["cut_by"] = " by ".join(filter(None, (contract.partition.column, contract.partition.unit)))
    return about


def publication_metadata(publication: Publication, total_rows: int) -> dict[str, Any]:
    """What was published: the rows of the whole table, and those and the bytes of the files replaced."""
    return {
        "dagster/row_count": total_rows,
        "rows_written": publication.number_of_rows,
        "bytes_written": publication.number_of_bytes,
        "partitions_written": len(publication.partition_keys),
    }


def markdown_table(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """A small frame as a Markdown table."""
    lines = [" | ".join(rows.columns), " | ".join("---" for _ in rows.columns)]
    lines += [" | ".join(_cell(value) for value in row) for row in rows.iter_rows()]
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in lines))


def bar_chart(title: str, counts: Mapping[str, int] | Sequence[tuple[str, int]]) -> dg.MarkdownMetadataValue:
    """Counts by label as a picture of bars; of very many, the last."""
    labelled = list(counts.items() if isinstance(counts, Mapping) else counts)[-MOST_BARS:]
    figure = Figure(figsize=(7.2, 2.6), dpi=110)
    axes = figure.add_axes((0.09, 0.32, 0.9, 0.58))
    axes.bar([label for label, _ in labelled], [count for _, count in labelled], color=BAR_COLOUR)
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", labelrotation=90 if len(labelled) > 8 else 0, labelsize=7)
    axes.tick_params(axis="y", labelsize=7)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return _picture(title, figure)


def line_chart(
    title: str, places: Sequence[float | str], lines: Mapping[str, Sequence[float | None]]
) -> dg.MarkdownMetadataValue:
    """Named lines over numbers or labels as a picture; where a value is missing, so is the point."""
    figure = Figure(figsize=(4.8, 2.8), dpi=110)
    axes = figure.add_axes((0.12, 0.14, 0.85, 0.74))
    for name, values in lines.items():
        axes.plot(list(places), [math.nan if value is None else value for value in values], marker="o", label=name)
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=7)
    axes.legend(frameon=False, fontsize=7)
    return _picture(title, figure)


def interval_chart(title: str, intervals: Sequence[tuple[str, float, float, float]]) -> dg.MarkdownMetadataValue:
    """Estimates with their intervals as a picture: label, estimate, lower and upper end; of very many, the last."""
    shown = list(intervals)[-MOST_BARS:]
    figure = Figure(figsize=(7.2, 2.6), dpi=110)
    axes = figure.add_axes((0.09, 0.32, 0.9, 0.58))
    estimates = [estimate for _, estimate, _, _ in shown]
    reach = [[estimate - low for _, estimate, low, _ in shown], [high - estimate for _, estimate, _, high in shown]]
    axes.errorbar([label for label, *_ in shown], estimates, yerr=reach, fmt="o", markersize=4, color=BAR_COLOUR)
    axes.axhline(0, color="#9ca3af", linewidth=0.8)
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", labelrotation=90 if len(shown) > 8 else 0, labelsize=7)
    axes.tick_params(axis="y", labelsize=7)
    return _picture(title, figure)


def _picture(title: str, figure: Figure) -> dg.MarkdownMetadataValue:
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    encoded = base64.b64encode(picture.getvalue()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{encoded})")


def _cell(value: object) -> str:
    text = (
        f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str("" if value is None else value)
    )
    return text.replace("|", "\\|").replace("\n", " ")

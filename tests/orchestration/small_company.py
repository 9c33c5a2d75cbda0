"""A company that can be read at a glance: two declared sources with two feeds each, and files for them.

Here: its configuration and its deliveries. Not here: running it (`tests/end_to_end/commands.py`).
"""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from crm_platform.settings import REPOSITORY

LONG_AGO = 1_625_000_000

SHOP = """\
source: shop
description: The web shop.
owner: team:commerce
feeds:
  customers:
    description: One row per account.
    files: shop/customers_*.csv*
    form: {kind: csv, delimiter: ";"}
    columns:
      customer_id: CustNo
      customer_type: {value: person}
      first_name: Forename
      email: Email
      updated_dt: LastMod
  orders:
    description: One row per order.
    files: shop/orders_*.csv*
    form: {kind: csv, delimiter: ";"}
    columns: {order_id: OrderNo, customer_id: CustNo, order_dt: OrderDate, total_amount: Net, currency: Curr}
"""
STOCK = """\
source: stock
description: The stock system.
owner: team:supply
feeds:
  products:
    description: One row per product.
    files: stock/products_*.csv*
    form: {kind: csv, delimiter: ","}
    columns: {product_id: SKU, product_name: Name, brand: Brand, list_price_amount: Price, currency: Curr}
  stores:
    description: One row per store.
    files: stock/stores_*.jsonl
    form: {kind: json_lines}
    columns: {store_id: id, store_name: name, country: address.country}
"""


def write_config(folder: Path, **sources: str) -> Path:
    """A configuration folder with the declared sources given as YAML by name; the two of this company by default."""
    (folder / "sources").mkdir(parents=True, exist_ok=True)
    for settings in (REPOSITORY / "config").glob("*.yaml"):
        shutil.copy(settings, folder)
    for name, text in (sources or {"shop": SHOP, "stock": STOCK}).items():
        (folder / "sources" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def deliver(home: Path, name: str, content: str | bytes) -> Path:
    """Lay a file into the landing folder, as if it had lain there for long."""
    path = home / "landing" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def customers_csv(numbers: Iterable[int], first_name: str = "Ann") -> str:
    """A delivery of accounts."""
    rows = (
        f"C{number};{first_name};c{number}@example.org;2020-01-{number % 28 + 1:02d}T10:00:00Z" for number in numbers
    )
    return "\n".join(("CustNo;Forename;Email;LastMod", *rows, ""))


def orders_csv(numbers: Iterable[int]) -> str:
    """A delivery of orders, over the first months of a year."""
    rows = (f"O{number};C{number};2020-{number % 4 + 1:02d}-15T08:00:00Z;{number}.50;EUR" for number in numbers)
    return "\n".join(("OrderNo;CustNo;OrderDate;Net;Curr", *rows, ""))


def products_csv(numbers: Iterable[int]) -> str:
    """A delivery of products."""
    rows = (f"P{number},Lamp {number},ivory,{number}.00,EUR" for number in numbers)
    return "\n".join(("SKU,Name,Brand,Price,Curr", *rows, ""))


def stores_jsonl(numbers: Iterable[int]) -> str:
    """A delivery of stores."""
    stores = ({"id": f"S{number}", "name": f"Store {number}", "address": {"country": "NL"}} for number in numbers)
    return "".join(json.dumps(store) + "\n" for store in stores)


def deliver_all(home: Path, first: int = 1, last: int = 10) -> None:
    """A file for every feed, with the rows of these numbers."""
    numbers = range(first, last + 1)
    deliver(home, f"shop/customers_{first}.csv", customers_csv(numbers))
    deliver(home, f"shop/orders_{first}.csv", orders_csv(numbers))
    deliver(home, f"stock/products_{first}.csv", products_csv(numbers))
    deliver(home, f"stock/stores_{first}.jsonl", stores_jsonl(numbers))

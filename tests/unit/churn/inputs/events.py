"""What customers do besides buying, as sources state it; no test of its own."""

from datetime import datetime
from typing import Any

from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY
from tests.unit.loyalty.club import Club


def known_to(club: Club, members: int) -> None:
    """Let every system call a member by the same number."""
    systems = ("shop", "crm", "web", "club", "finance", "logistics")
    club.know(
        CUSTOMER_REF_KEY,
        [
            {"customer_ref": f"{system}:{number}", "customer_key": number}
            for system in systems
            for number in range(1, members + 1)
        ],
    )


def case(number: str, opened: datetime, customer: int = 1) -> dict[str, Any]:
    """A support case."""
    return {"case_id": number, "customer_id": str(customer), "opened_dt": opened}


def shipment(number: str, order_id: str, promised: datetime, delivered: datetime) -> dict[str, Any]:
    """A shipment that was delivered."""
    return {
        "shipment_id": number, "order_id": order_id, "promised_date": promised.date(), "dispatched_dt": promised,
        "delivered_dt": delivered,
    }  # fmt: skip

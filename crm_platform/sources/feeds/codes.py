"""The closed lists and the shapes of codes that several feeds share.

Here: what is the same in every feed that has it. Not here: a list that one feed alone uses (it stands beside its
column), nor the company's own codes of brands, locales and communications (`config/company.yaml`), which are open:
a value never seen before is normal input.
"""

COUNTRY = r"^[A-Z]{2}$"
CURRENCY = r"^[A-Z]{3}$"
LANGUAGE = r"^[a-z]{2}$"

CHANNELS = ("email", "sms", "post", "telephone", "rss", "web")
LARGEST_QUANTITY = 1_000_000

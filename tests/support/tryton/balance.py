"""Print what Tryton itself says its customers owe, as JSON.

    {"currency": "EUR", "parties": {"00012": "5291.99", …}, "total": "…"}

Each party's figure is Tryton's own "receivable", and the total is what Tryton
answers as the balance of its receivable accounts: nothing here is summed from
invoices. Inactive parties count. The server and the user come from
ENCOURS_TEST_TRYTON_URL, _DB, _USER and _PASSWORD.
"""
import json
from decimal import Decimal

from proteus import Model

from connection import connect

with connect() as config:
    with config.set_context(active_test=False):
        parties = Model.get('party.party').find([])
        receivable = {party.code: party.receivable for party in parties}
        # An account's balance holds its children's, so only the lowest count.
        accounts = Model.get('account.account').find([
            ('type.receivable', '=', True), ('childs', '=', None)])
        total = sum((account.balance for account in accounts), Decimal(0))
        company, = Model.get('company.company').find([])
        currency = company.currency.code
    print(json.dumps({
        'currency': currency,
        'parties': {
            code: str(amount.quantize(Decimal('0.01')))
            for code, amount in sorted(receivable.items())},
        'total': str(total.quantize(Decimal('0.01'))),
        }, indent=1))

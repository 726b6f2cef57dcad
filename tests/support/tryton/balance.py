"""Print what Tryton itself says its customers owe, as JSON.

    {"currency": "EUR", "parties": {"00012": "5291.99", …}, "total": "…",
     "by_currency": {"EUR": "…", "USD": "…"}, "foreign": "…"}

Each party's figure is Tryton's own "receivable", and the total is what Tryton
answers as the balance of its receivable accounts: nothing here is summed from
invoices. Inactive parties count. By currency, each receivable line that is
open counts in the currency that it was booked in; "foreign" is what the foreign
ones are in the books, so that total = by_currency[currency] + foreign. The server and the user come from
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
        by_currency, foreign = {currency: Decimal(0)}, Decimal(0)
        for line in Model.get('account.move.line').find([
                ('account.type.receivable', '=', True),
                ('reconciliation', '=', None)]):
            booked = line.debit - line.credit
            if line.second_currency:
                code = line.second_currency.code
                by_currency[code] = (by_currency.get(code, Decimal(0))
                    + line.amount_second_currency)
                foreign += booked
            else:
                by_currency[currency] += booked
    print(json.dumps({
        'currency': currency,
        'parties': {
            code: str(amount.quantize(Decimal('0.01')))
            for code, amount in sorted(receivable.items())},
        'total': str(total.quantize(Decimal('0.01'))),
        'by_currency': {
            code: str(amount.quantize(Decimal('0.01')))
            for code, amount in sorted(by_currency.items())},
        'foreign': str(foreign.quantize(Decimal('0.01'))),
        }, indent=1))

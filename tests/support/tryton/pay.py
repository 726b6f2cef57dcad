"""Pay an invoice, wholly or partly, through Tryton's own payment wizard.

    pay.py --invoice FA2026-00002 --amount 100.00 [--date 2026-11-20]

The amount is in the invoice's currency. Prints what became of the invoice as
JSON. The server and the user come from ENCOURS_TEST_TRYTON_URL, _DB, _USER
and _PASSWORD.
"""
import argparse
import datetime as dt
import json
import sys
from decimal import Decimal

from proteus import Model

from connection import connect

parser = argparse.ArgumentParser()
parser.add_argument('--invoice', required=True)
parser.add_argument('--amount', required=True, type=Decimal)
parser.add_argument('--date', type=dt.date.fromisoformat, default=None)
parser.add_argument('--overpay', action='store_true',
    help="accept more than what is left to pay")
args = parser.parse_args()

with connect():
    Invoice = Model.get('account.invoice')
    try:
        invoice, = Invoice.find([
            ('number', '=', args.invoice), ('type', '=', 'out')])
    except ValueError:
        sys.exit("no invoice %s" % args.invoice)
    before = invoice.amount_to_pay
    wizard = invoice.click('pay')
    wizard.form.amount = args.amount
    wizard.form.payment_method, = Model.get(
        'account.invoice.payment.method').find([], limit=1)
    wizard.form.date = args.date or dt.date.today()
    wizard.execute('choice')
    if wizard.state != wizard.end_state and wizard.form_state == 'ask':
        wizard.form.type = 'overpayment' if args.overpay else 'partial'
        wizard.execute('pay')
    invoice.reload()
    print(json.dumps({
        'invoice': invoice.number,
        'party': invoice.party.code,
        'currency': invoice.currency.code,
        'paid': str(args.amount),
        'amount_to_pay_before': str(before),
        'amount_to_pay': str(invoice.amount_to_pay),
        'state': invoice.state,
        'payment_lines': [line.id for line in invoice.payment_lines],
        }))

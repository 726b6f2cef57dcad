"""Read and change customers' credit limits as a person at Tryton would.

    limit.py new --name "Exemple Essai SAS" --siren 99920001 [--limit 5000]
    limit.py read  --party 42
    limit.py write --party 42 --limit 18000.00     (or: --limit none)
    limit.py rename --party 42 --name "Another name"
    limit.py forget --name "Exemple Essai"

forget deletes the parties whose name begins so, which an earlier run left.

--siren takes the first eight digits; the ninth is the check digit. Each prints
the party as JSON: its id, code and SIREN, the limit as Tryton holds it (null is
none, "0" a real zero) and the version of the record; forget prints null. The server and the user
come from ENCOURS_TEST_TRYTON_URL, _DB, _USER and _PASSWORD.
"""
import argparse
import json
from decimal import Decimal

from proteus import Model
from stdnum import luhn

from connection import connect

parser = argparse.ArgumentParser()
parser.add_argument('action', choices=['new', 'read', 'write', 'rename', 'forget'])
parser.add_argument('--party', type=int)
parser.add_argument('--name')
parser.add_argument('--siren')
parser.add_argument('--limit')
args = parser.parse_args()


def amount(text):
    return None if text in (None, 'none') else Decimal(text)


with connect() as config:
    Party = Model.get('party.party')
    if args.action == 'forget':
        Party.delete(Party.find([('name', 'like', args.name + '%')]))
        print('null')
        raise SystemExit
    if args.action == 'new':
        party = Party(name=args.name)
        party.identifiers.new(type='fr_siren',
            code=args.siren + luhn.calc_check_digit(args.siren))
        party.save()
        if args.limit is not None:
            party.credit_limit_amount = amount(args.limit)
            party.save()
    else:
        party = Party(args.party)
    if args.action == 'write':
        party.credit_limit_amount = amount(args.limit)
        party.save()
    elif args.action == 'rename':
        party.name = args.name
        party.save()
    read, = Party.read([party.id],
        ['code', 'credit_limit_amount', '_timestamp'], config.context)
    limit = read['credit_limit_amount']
    print(json.dumps({
        'id': read['id'],
        'code': read['code'],
        'siren': next((identifier.code for identifier
            in Party(party.id).identifiers
            if identifier.type == 'fr_siren'), None),
        'limit': None if limit is None else str(limit),
        'version': str(read['_timestamp']),
        }))

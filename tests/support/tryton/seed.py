"""Fill a fresh Tryton database with invented companies, invoices and payments.

Run by scripts/services, on the database file itself, before any server serves
it. Every name and number is made up: SIREN numbers begin with 999 or 000, which
are given to no French company, and all names say that they are examples.
"""
import datetime as dt
import os
from decimal import Decimal as D

from proteus import Model, Wizard, config as proteus_config

config = proteus_config.set_trytond(
    os.environ['ENCOURS_TEST_TRYTON_DB'],
    config_file=os.environ['ENCOURS_TEST_TRYTON_CONF'])
# Posting an invoice whose due date is past only warns; nobody is here to
# answer.
config.skip_warning = True


def model_id(name):
    module, fs_id = name.split('.')
    ModelData = Model.get('ir.model.data')
    return ModelData.get_id(module, fs_id, config.context)


def get(name):
    return Model.get(name)


def step(text):
    print(text, flush=True)


# --- invented identifiers ---------------------------------------------------

def siren(eight):
    """Add the Luhn check digit to eight digits."""
    total = 0
    for position, digit in enumerate(reversed(eight)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return eight + str(-total % 10)


def french_vat(siren):
    return 'FR%02d%s' % ((12 + 3 * (int(siren) % 97)) % 97, siren)


def german_vat(eight):
    product = 10
    for digit in eight:
        total = (int(digit) + product) % 10 or 10
        product = 2 * total % 11
    return 'DE' + eight + str((11 - product) % 10)


# --- currencies and company -------------------------------------------------

step('currencies and company')
Currency = get('currency.currency')
currencies = {}
for code, name, symbol, rates in [
        ('EUR', "Euro", '€', [(dt.date(2020, 1, 1), D(1))]),
        ('USD', "U.S. Dollar", '$', [
            (dt.date(2020, 1, 1), D('1.12')),
            (dt.date(2026, 7, 1), D('1.1537')),
            (dt.date(2026, 9, 1), D('1.0921')),
            (dt.date(2026, 10, 1), D('1.1408')),
            ]),
        ]:
    found = Currency.find([('code', '=', code)])
    currency = found[0] if found else Currency(
        name=name, code=code, symbol=symbol, rounding=D('0.01'), digits=2)
    for date, rate in rates:
        line = currency.rates.new()
        line.date, line.rate = date, rate
    currency.save()
    currencies[code] = currency

Country = get('country.country')
countries = {}
for code, name in [('FR', "France"), ('DE', "Germany"), ('US', "United States")]:
    countries[code] = Country(name=name, code=code)
    countries[code].save()

Party = get('party.party')
own = Party(name="Exemple Négoce Fictif SAS")
own.identifiers.new(type='fr_siren', code=siren('99900001'))
own.identifiers.new(type='eu_vat', code=french_vat(siren('99900001')))
own.save()
wizard = Wizard('company.company.config')
wizard.execute('company')
wizard.form.party = own
wizard.form.currency = currencies['EUR']
wizard.execute('add')
User = get('res.user')
config._context = User.get_preferences(True, {})
Company = get('company.company')
company, = Company.find()

# --- chart of accounts ------------------------------------------------------

step('French chart of accounts')
Account = get('account.account')


def account(code):
    found, = Account.find([
        ('code', '=', code), ('company', '=', company.id),
        ('closed', '!=', True)])
    return found


wizard = Wizard('account.create_chart')
wizard.execute('account')
wizard.form.account_template = get('account.account.template')(
    model_id('account_fr.root'))
wizard.form.company = company
wizard.execute('create_account')
wizard.form.account_receivable = account('4111')
wizard.form.account_payable = account('4011')
wizard.execute('create_properties')

Sequence = get('ir.sequence.strict')
FiscalYear = get('account.fiscalyear')
# Payments are dated today, whenever the tests run.
for year in range(2026, 2032):
    fiscal_year = FiscalYear(name=str(year), company=company)
    fiscal_year.start_date = dt.date(year, 1, 1)
    fiscal_year.end_date = dt.date(year, 12, 31)
    moves = Sequence(
        name="Écritures %d" % year, company=company,
        sequence_type=get('ir.sequence.type')(
            model_id('account.sequence_type_account_move')))
    moves.save()
    fiscal_year.move_sequence = moves
    numbers = {}
    for kind in ['FA', 'AV', 'FF']:
        numbers[kind] = Sequence(
            name="%s %d" % (kind, year), company=company,
            prefix='%s%d-' % (kind, year), padding=5,
            sequence_type=get('ir.sequence.type')(
                model_id('account_invoice.sequence_type_account_invoice')))
        numbers[kind].save()
    line, = fiscal_year.invoice_sequences
    line.out_invoice_sequence = numbers['FA']
    line.out_credit_note_sequence = numbers['AV']
    line.in_invoice_sequence = line.in_credit_note_sequence = numbers['FF']
    fiscal_year.save()
    fiscal_year.click('create_period')

receivable, revenue, bank = account('4111'), account('7071'), account('5121')
Tax = get('account.tax')
vat, = Tax.find([
    ('name', '=', "T.V.A. Vente de biens Taux Normal"),
    ('company', '=', company.id), ('parent', '=', None)])

configuration = get('account.configuration')(1)
Journal = get('account.journal')
configuration.currency_exchange_credit_account = account('766')
configuration.currency_exchange_debit_account = account('666')
configuration.save()

cash, = Journal.find([('type', '=', 'cash')])
PaymentMethod = get('account.invoice.payment.method')
transfer = PaymentMethod(
    name="Virement", company=company, journal=cash, credit_account=bank,
    debit_account=bank)
transfer.save()

# --- payment terms ----------------------------------------------------------

step('payment terms')
Term = get('account.invoice.payment_term')
terms = {}
for key, name, lines in [
        ('30', "30 jours net", [(None, dict(days=30))]),
        ('60', "60 jours", [(None, dict(days=60))]),
        # 45 days, then to the end of that month.
        ('45eom', "45 jours fin de mois", [(None, dict(days=45, day=31))]),
        ('2x', "50 % à 30 jours, 50 % à 60 jours", [
            (D('0.5'), dict(days=30)), (None, dict(days=60))]),
        ]:
    term = Term(name=name)
    for ratio, delta in lines:
        if ratio is None:
            line = term.lines.new(type='remainder')
        else:
            line = term.lines.new(type='percent', ratio=ratio)
        line.relativedeltas.new(**delta)
    term.save()
    terms[key] = term

# --- customers --------------------------------------------------------------

step('customers')
parties = {}
for key, code, name, country, city, siren_number, vat_code, term, limit in [
        # A code whose leading zeros must survive.
        ('boulangerie', '00012', "Exemple Boulangerie SAS", 'FR', "Exempleville",
            siren('99900101'), True, '30', D('15000')),
        # A code which is not the number 100000.
        ('quincaillerie', '1E5', "Exemple Quincaillerie SARL", 'FR',
            "Exempleville", siren('99900102'), True, '60', D('8000.50')),
        # A SIREN which begins with zeros.
        ('primeurs', None, "Exemple Primeurs SARL", 'FR', "Saint-Exemple",
            siren('00012345'), False, '45eom', D('20000')),
        ('maschinenbau', None, "Beispiel Maschinenbau GmbH", 'DE',
            "Beispielstadt", None, german_vat('99990001'), '30', D('60000')),
        ('trading', None, "Example Trading Inc.", 'US', "Exampleton", None,
            None, '30', None),
        # A limit of zero, which is not the same as no limit.
        ('transports', None, "Exemple Transports SA", 'FR', "Exemple-sur-Mer",
            siren('99900103'), True, '2x', D(0)),
        ('librairie', None, "Exemple Librairie de l’Été SAS", 'FR',
            "Saint-Exemple", siren('99900104'), True, '30', None),
        ('mobilier', None, "Exemple Mobilier SAS", 'FR', "Exempleville",
            siren('99900105'), True, '30', D('5000')),
        ('ferme', None, "Exemple Fermé SARL", 'FR', "Exempleville",
            siren('99900106'), False, '30', None),
        ]:
    party = Party(name=name)
    if code:
        party.code = code
    if siren_number:
        party.identifiers.new(type='fr_siren', code=siren_number)
        if vat_code is True:
            vat_code = french_vat(siren_number)
    if vat_code:
        party.identifiers.new(type='eu_vat', code=vat_code)
    address, = party.addresses or [party.addresses.new()]
    address.street = "1 rue de l’Exemple" if country == 'FR' else "1 Example Street"
    address.postal_code = '99999'
    address.city = city
    address.country = countries[country]
    party.customer_payment_term = terms[term]
    party.save()
    if limit is not None:
        Party.write(
            [party.id], {'credit_limit_amount': limit}, config.context)
    parties[key] = party

# --- invoices and credit notes ----------------------------------------------

step('invoices')
Invoice = get('account.invoice')


def invoice(key, date, price, term=None, currency='EUR', tax=True,
        reference=None, quantity=1):
    record = Invoice(type='out', party=parties[key])
    record.currency = currencies[currency]
    record.invoice_date = date
    if term:
        record.payment_term = terms[term]
    record.reference = reference
    line = record.lines.new()
    line.account = revenue
    line.description = "Marchandises d’exemple"
    line.quantity = quantity
    line.unit_price = D(price)
    if tax:
        line.taxes.append(Tax(vat.id))
    record.save()
    return record


def post(*args, **kwargs):
    record = invoice(*args, **kwargs)
    record.click('post')
    record.reload()
    step('  %s %s %s %s' % (
        record.number, record.invoice_date, record.total_amount,
        record.party.name))
    return record


day = dt.date
# Invoices must be posted in the order of their dates.
paid = post('boulangerie', day(2026, 6, 5), '1200.00', reference='CMD-1001')
post('quincaillerie', day(2026, 6, 18), '850.50', reference='CMD-1002')
post('primeurs', day(2026, 6, 30), '3333.33')
partly = post('maschinenbau', day(2026, 7, 7), '12500.00', tax=False,
    reference='PO 4711/2026')
post('trading', day(2026, 7, 20), '8000.00', currency='USD', tax=False)
instalments = post('transports', day(2026, 7, 27), '6000.00', reference='000123')
odd = post('transports', day(2026, 8, 3), '1000.01')
credited = post('librairie', day(2026, 8, 10), '2400.00')
credit_partly = post('librairie', day(2026, 8, 12), '400.00', quantity=-1)
post('boulangerie', day(2026, 8, 25), '99.99', term='60')
post('quincaillerie', day(2026, 9, 1), '410.00', term='30')
# A credit note nobody has set against an invoice.
post('quincaillerie', day(2026, 9, 4), '75.00', quantity=-1, term='30')
dollars = post('trading', day(2026, 9, 10), '4000.00', currency='USD', tax=False)
post('primeurs', day(2026, 9, 15), '1875.40', term='60')
post('maschinenbau', day(2026, 9, 22), '7300.00', tax=False)
offset = post('librairie', day(2026, 9, 28), '200.00')
offset_credit = post('librairie', day(2026, 9, 29), '200.00', quantity=-1)
post('transports', day(2026, 10, 1), '2210.75', term='45eom')
overpaid = post('mobilier', day(2026, 10, 8), '640.00')
cancelled = post('librairie', day(2026, 10, 15), '512.00')
post('boulangerie', day(2026, 10, 20), '4310.00', reference='CMD-1017')
post('primeurs', day(2026, 11, 2), '980.00')
post('maschinenbau', day(2026, 11, 10), '15250.60', tax=False)
post('quincaillerie', day(2026, 11, 18), '1333.00')

step('a draft and cancelled invoices, which are not owed')
invoice('boulangerie', day(2026, 11, 19), '9999.00')
invoice('quincaillerie', day(2026, 11, 19), '8888.00').click('cancel')
refund = Wizard('account.invoice.credit', [cancelled])
refund.form.with_refund = True
refund.form.invoice_date = day(2026, 10, 21)
refund.execute('credit')

# --- payments ---------------------------------------------------------------

step('payments')


def pay(record, amount, date, kind='partial'):
    record.reload()
    wizard = record.click('pay')
    wizard.form.amount = D(amount)
    wizard.form.payment_method = transfer
    wizard.form.date = date
    wizard.execute('choice')
    if wizard.state != wizard.end_state and wizard.form_state == 'ask':
        wizard.form.type = kind
        wizard.execute('pay')
    record.reload()
    step('  %s paid %s, state %s, still to pay %s' % (
        record.number, amount, record.state, record.amount_to_pay))


pay(paid, '1440.00', day(2026, 7, 3))
pay(partly, '5000.00', day(2026, 8, 20))
pay(instalments, '3600.00', day(2026, 8, 28))
pay(odd, '250.00', day(2026, 9, 7))
pay(dollars, '1500.00', day(2026, 10, 12))
pay(overpaid, '800.00', day(2026, 11, 6), 'overpayment')

# The receivable line of a credit note set against an invoice: Tryton then
# lowers what is left to pay of the invoice, and leaves the credit note's own
# amount as it was.
MoveLine = get('account.move.line')


def receivable_lines(record):
    return MoveLine.find([
        ('move', '=', record.move.id), ('account', '=', receivable.id)])


line, = receivable_lines(credit_partly)
Invoice.write([credited.id], {'payment_lines': [('add', [line.id])]}, config.context)

# An invoice and a credit note of the same amount, reconciled with each other.
pair = receivable_lines(offset) + receivable_lines(offset_credit)
wizard = Wizard('account.move.reconcile_lines', pair)
if wizard.state != 'end':
    wizard.execute('reconcile')

step('entries without an invoice')
Move = get('account.move')
Period = get('account.period')


def entry(key, date, amount, counterpart, description):
    period, = Period.find([
        ('start_date', '<=', date), ('end_date', '>=', date),
        ('fiscalyear.company', '=', company.id), ('type', '=', 'standard')])
    move = Move(journal=cash, date=date, period=period, description=description)
    amount = D(amount)
    line = move.lines.new()
    line.account, line.party = receivable, parties[key]
    line.debit, line.credit = max(amount, D(0)), max(-amount, D(0))
    line.maturity_date = date if amount > 0 else None
    line = move.lines.new()
    line.account = counterpart
    line.debit, line.credit = max(-amount, D(0)), max(amount, D(0))
    move.save()
    move.click('post')


# Money that came in and that nobody has set against an invoice yet.
entry('mobilier', day(2026, 10, 30), '-500.00', bank, "Virement reçu")
entry('primeurs', day(2026, 11, 12), '-1234.56', bank, "Acompte reçu")
# Something owed for which there is no invoice.
entry('quincaillerie', day(2026, 6, 1), '310.00', bank, "Solde repris")

closed = parties['ferme']
closed.active = False
closed.save()

# --- the user of the interface ----------------------------------------------

step('user')
Group = get('res.group')
user = User(
    name="Connecteur (essai)", login=os.environ['ENCOURS_TEST_TRYTON_USER'],
    password=os.environ['ENCOURS_TEST_TRYTON_PASSWORD'])
user.companies.append(company)
user.company = company
for group in ['account.group_account', 'account_credit_limit.group_credit_limit']:
    user.groups.append(Group(model_id(group)))
user.save()
step('done')

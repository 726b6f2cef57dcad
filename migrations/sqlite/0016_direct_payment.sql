-- Payments of assigned invoices that reached the seller, as a person said. assignment: the batch that tells the factor of it; absent until
-- one does. external_id and number: the invoice.
CREATE TABLE direct_payment (
    id           TEXT PRIMARY KEY,
    company      TEXT NOT NULL,
    factor       TEXT NOT NULL,
    contract     TEXT NOT NULL,
    connection   TEXT NOT NULL,
    external_id  TEXT NOT NULL,
    number       TEXT NOT NULL,
    currency     TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    received_on  TEXT NOT NULL,
    said_by      TEXT NOT NULL,
    recorded_at  TEXT NOT NULL,
    assignment   TEXT
) STRICT;
CREATE INDEX direct_payment_of ON direct_payment (factor, contract);

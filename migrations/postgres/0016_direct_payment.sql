-- Payments of assigned invoices that reached the seller, as a person said. assignment: the batch that tells the factor of it; absent until
-- one does. external_id and number: the invoice.
CREATE TABLE direct_payment (
    id           TEXT COLLATE "C" PRIMARY KEY,
    company      TEXT COLLATE "C" NOT NULL,
    factor       TEXT COLLATE "C" NOT NULL,
    contract     TEXT COLLATE "C" NOT NULL,
    connection   TEXT COLLATE "C" NOT NULL,
    external_id  TEXT COLLATE "C" NOT NULL,
    number       TEXT COLLATE "C" NOT NULL,
    currency     TEXT COLLATE "C" NOT NULL,
    amount_minor BIGINT NOT NULL,
    received_on  DATE NOT NULL,
    said_by      TEXT COLLATE "C" NOT NULL,
    recorded_at  TIMESTAMPTZ NOT NULL,
    assignment   TEXT COLLATE "C"
);
CREATE INDEX direct_payment_of ON direct_payment (factor, contract);

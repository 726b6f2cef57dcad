-- The status that an assigned invoice has in the French life cycle of invoices: 225, 226, 227 or 228. The last row of an invoice is in
-- force, the others are its history.
CREATE TABLE invoice_status (
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company     TEXT COLLATE "C" NOT NULL,
    connection  TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C" NOT NULL,
    status      TEXT COLLATE "C" NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX invoice_status_of ON invoice_status (company, connection, external_id);

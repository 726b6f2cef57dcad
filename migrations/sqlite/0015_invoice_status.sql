-- The status that an assigned invoice has in the French life cycle of invoices: 225, 226, 227 or 228. The last row of an invoice is in
-- force, the others are its history.
CREATE TABLE invoice_status (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    company     TEXT NOT NULL,
    connection  TEXT NOT NULL,
    external_id TEXT NOT NULL,
    status      TEXT NOT NULL,
    recorded_at TEXT NOT NULL
) STRICT;
CREATE INDEX invoice_status_of ON invoice_status (company, connection, external_id);

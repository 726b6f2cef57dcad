-- Orders that are not invoiced yet, as last listed: what a buyer will owe next. Only planning reads them, and only as they are
-- now, so that no history is kept. open_minor: what is still to be invoiced, tax included.
CREATE TABLE sales_order (
    connection   TEXT NOT NULL,
    external_id  TEXT NOT NULL,
    number       TEXT NOT NULL,
    account      TEXT NOT NULL,
    currency     TEXT NOT NULL,
    open_minor   INTEGER NOT NULL,
    ordered_on   TEXT NOT NULL,
    recorded_at  TEXT NOT NULL,
    PRIMARY KEY (connection, external_id)
) STRICT;

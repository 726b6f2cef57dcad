-- Orders that are not invoiced yet, as last listed: what a buyer will owe next. Only planning reads them, and only as they are
-- now, so that no history is kept. open_minor: what is still to be invoiced, tax included.
CREATE TABLE sales_order (
    connection   TEXT COLLATE "C" NOT NULL,
    external_id  TEXT COLLATE "C" NOT NULL,
    number       TEXT COLLATE "C" NOT NULL,
    account      TEXT COLLATE "C" NOT NULL,
    currency     TEXT COLLATE "C" NOT NULL,
    open_minor   BIGINT NOT NULL,
    ordered_on   DATE NOT NULL,
    recorded_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, external_id)
);

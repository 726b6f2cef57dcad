-- What a factor's statement says of assigned documents: the last statement whole, and what the ones before said otherwise. contract is
-- empty where the statement names none.
CREATE TABLE factor_line (
    connection  TEXT NOT NULL,
    contract    TEXT NOT NULL,
    number      TEXT NOT NULL,
    currency    TEXT NOT NULL,
    payload     TEXT NOT NULL,
    version     INTEGER NOT NULL,
    recorded_at TEXT NOT NULL,
    PRIMARY KEY (connection, contract, number, currency)
) STRICT;

CREATE TABLE factor_line_history (
    connection    TEXT NOT NULL,
    contract      TEXT NOT NULL,
    number        TEXT NOT NULL,
    currency      TEXT NOT NULL,
    payload       TEXT NOT NULL,
    version       INTEGER NOT NULL,
    recorded_at   TEXT NOT NULL,
    superseded_at TEXT NOT NULL,
    PRIMARY KEY (connection, contract, number, currency, recorded_at)
) STRICT;

-- What a factor's statement says of assigned documents: the last statement whole, and what the ones before said otherwise. contract is
-- empty where the statement names none.
CREATE TABLE factor_line (
    connection  TEXT COLLATE "C" NOT NULL,
    contract    TEXT COLLATE "C" NOT NULL,
    number      TEXT COLLATE "C" NOT NULL,
    currency    TEXT COLLATE "C" NOT NULL,
    payload     JSONB NOT NULL,
    version     BIGINT NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, contract, number, currency)
);

CREATE TABLE factor_line_history (
    connection    TEXT COLLATE "C" NOT NULL,
    contract      TEXT COLLATE "C" NOT NULL,
    number        TEXT COLLATE "C" NOT NULL,
    currency      TEXT COLLATE "C" NOT NULL,
    payload       JSONB NOT NULL,
    version       BIGINT NOT NULL,
    recorded_at   TIMESTAMPTZ NOT NULL,
    superseded_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, contract, number, currency, recorded_at)
);

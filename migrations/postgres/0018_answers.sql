-- What factors approve for buyers, and what they said before. subject: contract, buyer, currency, what is said and from when, as far as they
-- are stated; two statements with one subject are one, said again.
CREATE TABLE approval (
    connection  TEXT COLLATE "C" NOT NULL,
    subject     TEXT COLLATE "C" NOT NULL,
    payload     JSONB NOT NULL,
    version     BIGINT NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, subject)
);

CREATE TABLE approval_history (
    connection    TEXT COLLATE "C" NOT NULL,
    subject       TEXT COLLATE "C" NOT NULL,
    payload       JSONB NOT NULL,
    version       BIGINT NOT NULL,
    recorded_at   TIMESTAMPTZ NOT NULL,
    superseded_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, subject, version)
);

-- What bank accounts say that factors have paid and taken; never changed. subject: the account with the bank's reference, or with a fingerprint
-- of what the entry says.
CREATE TABLE factor_cash (
    connection  TEXT COLLATE "C" NOT NULL,
    subject     TEXT COLLATE "C" NOT NULL,
    payload     JSONB NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (connection, subject)
);

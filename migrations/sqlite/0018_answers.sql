-- What factors approve for buyers, and what they said before. subject: contract, buyer, currency, what is said and from when, as far as they
-- are stated; two statements with one subject are one, said again.
CREATE TABLE approval (
    connection  TEXT NOT NULL,
    subject     TEXT NOT NULL,
    payload     TEXT NOT NULL,
    version     INTEGER NOT NULL,
    recorded_at TEXT NOT NULL,
    PRIMARY KEY (connection, subject)
) STRICT;

CREATE TABLE approval_history (
    connection    TEXT NOT NULL,
    subject       TEXT NOT NULL,
    payload       TEXT NOT NULL,
    version       INTEGER NOT NULL,
    recorded_at   TEXT NOT NULL,
    superseded_at TEXT NOT NULL,
    PRIMARY KEY (connection, subject, version)
) STRICT;

-- What bank accounts say that factors have paid and taken; never changed. subject: the account with the bank's reference, or with a fingerprint
-- of what the entry says.
CREATE TABLE factor_cash (
    connection  TEXT NOT NULL,
    subject     TEXT NOT NULL,
    payload     TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    PRIMARY KEY (connection, subject)
) STRICT;

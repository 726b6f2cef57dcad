-- Who let a look-up be asked that may be billed, each time; because: why again.
CREATE TABLE lookup_ask (
    connection TEXT COLLATE "C" NOT NULL,
    country    TEXT COLLATE "C" NOT NULL,
    scheme     TEXT COLLATE "C" NOT NULL,
    value      TEXT COLLATE "C" NOT NULL,
    ask        BIGINT NOT NULL,
    at         TIMESTAMPTZ NOT NULL,
    who        TEXT COLLATE "C" NOT NULL,
    because    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (connection, country, scheme, value, ask)
);

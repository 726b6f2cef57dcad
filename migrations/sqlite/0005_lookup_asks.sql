-- Who let a look-up be asked that may be billed, each time; because: why again.
CREATE TABLE lookup_ask (
    connection TEXT NOT NULL,
    country    TEXT NOT NULL,
    scheme     TEXT NOT NULL,
    value      TEXT NOT NULL,
    ask        INTEGER NOT NULL,
    at         TEXT NOT NULL,
    who        TEXT NOT NULL,
    because    TEXT NOT NULL,
    PRIMARY KEY (connection, country, scheme, value, ask)
) STRICT;

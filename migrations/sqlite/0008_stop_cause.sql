-- Two ERPs may use the same key: which of them the invoice is from that stopped cover.
ALTER TABLE cover_stop ADD COLUMN cause_connection TEXT NOT NULL DEFAULT '';
UPDATE cover_stop SET cause_connection = COALESCE((SELECT MIN(i.connection) FROM item i
    JOIN account a ON a.connection = i.connection AND a.external_id = i.account
    WHERE i.external_id = cover_stop.cause_item AND a.buyer_id = cover_stop.buyer_id), '');

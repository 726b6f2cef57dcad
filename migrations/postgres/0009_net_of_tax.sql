-- What counts net of tax, where a policy says so: null where none does. lacks_tax counts the invoices that carry no tax figure and are in
-- a figure whole.
ALTER TABLE exposure ADD COLUMN net_minor BIGINT;
ALTER TABLE exposure ADD COLUMN lacks_tax BIGINT NOT NULL DEFAULT 0;
ALTER TABLE exposure_day ADD COLUMN net_minor BIGINT;
ALTER TABLE exposure_day ADD COLUMN lacks_tax BIGINT NOT NULL DEFAULT 0;
ALTER TABLE exposure_day_history ADD COLUMN net_minor BIGINT;
ALTER TABLE exposure_day_history ADD COLUMN lacks_tax BIGINT NOT NULL DEFAULT 0;
ALTER TABLE cover ADD COLUMN lacks_tax BIGINT NOT NULL DEFAULT 0;
ALTER TABLE statement ADD COLUMN basis TEXT COLLATE "C" NOT NULL DEFAULT 'gross';
ALTER TABLE statement_line ADD COLUMN lacks_tax BIGINT NOT NULL DEFAULT 0;

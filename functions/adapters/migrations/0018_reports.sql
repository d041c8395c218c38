-- What portfolios are told from, and the daily reports on them. Times are UTC nanoseconds, money is exact.

-- What an account was opened with; bookings move quantity and price, never these.
ALTER TABLE ledger_position
    ADD COLUMN opening_quantity numeric NOT NULL DEFAULT 0,   -- signed
    ADD COLUMN opening_price    numeric NOT NULL DEFAULT 0;

-- Of accounts from before: what fills do not explain was there from the start, at what it was last valued at.
UPDATE ledger_position p SET opening_quantity = p.quantity - coalesce(filled.quantity, 0), opening_price = p.price
FROM ledger_position q LEFT JOIN (
    SELECT o.account, o.instrument_id, sum(CASE o.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END) AS quantity
    FROM ledger_fill f JOIN ledger_order o USING (client_order_id) GROUP BY o.account, o.instrument_id
) AS filled USING (account, instrument_id)
WHERE (p.account, p.instrument_id) = (q.account, q.instrument_id);

-- One row for each execution of an account: the only place where reports know how the ledger keeps them.
CREATE VIEW portfolio_fill AS
SELECT o.account, f.sequence, coalesce(f.as_of_ns, o.as_of_ns) AS as_of_ns, o.instrument_id,
       CASE o.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END AS quantity, -- signed
       f.price, f.fee, f.currency, f.multiplier, f.client_order_id, f.n, f.exec_id, f.replaces_exec_id
FROM ledger_fill f JOIN ledger_order o USING (client_order_id);

CREATE TABLE report (
    account     text COLLATE "C" NOT NULL,
    report_date date NOT NULL,                                -- day of the zone
    zone        text COLLATE "C" NOT NULL,                    -- IANA
    made_ns     bigint NOT NULL,                              -- when it was asked for; the newest stays
    json        text NOT NULL,
    csv         text NOT NULL,
    html        text NOT NULL,
    PRIMARY KEY (account, report_date, zone)
);

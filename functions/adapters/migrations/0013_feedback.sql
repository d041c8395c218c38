-- What users say of signals: one row for each signal and user, the latest. Times are UTC nanoseconds.

CREATE TABLE feedback (
    signal_id           text COLLATE "C" NOT NULL,
    who                 text COLLATE "C" NOT NULL,  -- opaque user id
    outcome             text NOT NULL,              -- win, loss, scratch, dismissed
    actual_entry_price  numeric,                    -- quote currency; NULL when not told, as below
    actual_exit_price   numeric,
    profit_loss_pct     numeric,                    -- percent of the entry's value
    notes               text NOT NULL,
    as_of_ns            bigint NOT NULL,
    PRIMARY KEY (signal_id, who)
);

-- Signals with what users said of them and, once it is known, what the tape says came of them.
CREATE VIEW signal_feedback AS
SELECT s.strategy, s.instrument_id, s.interval_s, s.bar_start_ns, s.action, s.confidence, s.price, s.as_of_ns AS signal_ns,
    f.*, o.exit, o.exit_price, o.exit_ns, o.bars, o.gain
FROM feedback AS f
JOIN signals AS s USING (signal_id)
LEFT JOIN outcomes AS o USING (signal_id);

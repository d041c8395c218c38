-- What is done after a signal's trade has ended, and which line of the rules decided it.
-- Times are UTC nanoseconds. Factors are multiples of the original trade's size and notional.
CREATE TABLE reentry_decisions (
    decision_id         text COLLATE "C" PRIMARY KEY, -- the trade it asks for is known as the signal of this id
    signal_id           text COLLATE "C" NOT NULL,
    strategy            text NOT NULL,
    instrument_id       text COLLATE "C" NOT NULL,
    interval_s          integer NOT NULL,
    as_of_ns            bigint NOT NULL,
    ending              text NOT NULL,                -- win, scratch, loss
    duration            text NOT NULL,                -- as the rules name it
    proximity           text NOT NULL,                -- none, before, after
    generation          integer NOT NULL,             -- of the trade that has ended; 0 for an original one
    reaction            text NOT NULL,                -- reenter, reverse, wait, stop
    side                text NOT NULL,                -- buy, sell; hold when nothing is entered
    size_factor         numeric NOT NULL,
    generation_max      integer NOT NULL,
    notional_factor_max numeric NOT NULL,
    rule_line           integer NOT NULL,             -- 0 for the bounds an earlier re-entry was made under
    rule                text NOT NULL,
    rules_digest        text NOT NULL,                -- SHA-256 of the file, hexadecimal
    event_id            text COLLATE "C",             -- of the calendar; NULL when nothing was near
    event_ns            bigint,                       -- when it was scheduled, as far as was known
    until_ns            bigint,                       -- until when it is near
    shard               text NOT NULL
);
CREATE INDEX reentry_decisions_signal ON reentry_decisions (signal_id);
CREATE INDEX reentry_decisions_series ON reentry_decisions (strategy, instrument_id, interval_s, as_of_ns);

-- Figures over two instruments, a row for each pair, interval and bucket in which one of them has a bar.
-- Times are UTC nanoseconds of venue time. Prices are exact, in quote currency.

-- `pair_values` maps name to value; null where a figure is not warm or does not exist for the row.
CREATE TABLE pairs (
    instrument_a text COLLATE "C" NOT NULL,
    instrument_b text COLLATE "C" NOT NULL,
    interval_s   integer NOT NULL,
    start_ns     bigint NOT NULL,
    sequence     bigint NOT NULL,  -- number of the batch that brought this row
    join_name    text NOT NULL,    -- shards that are joined
    close_a      numeric,          -- NULL when the member is missing
    close_b      numeric,
    stale_a      boolean NOT NULL, -- no bar in the bucket: the last close before it stands
    stale_b      boolean NOT NULL,
    missing_a    boolean NOT NULL, -- its shard was silent too long, or its tape had ended
    missing_b    boolean NOT NULL,
    pair_values  jsonb NOT NULL,
    PRIMARY KEY (instrument_a, instrument_b, interval_s, start_ns)
);

-- Views: the newest form of each finished fact, by its natural key, for reading with plain SQL.
-- Times are UTC nanoseconds of venue time. Prices and sizes are exact, in quote and base currency.

-- Declared in rank order: a later word replaces an earlier one, never the other way round.
CREATE TYPE bar_finality AS ENUM ('provisional', 'open', 'final', 'revised');

CREATE TABLE bars (
    instrument_id text COLLATE "C" NOT NULL,
    interval_s    integer NOT NULL,
    start_ns      bigint NOT NULL,
    finality      bar_finality NOT NULL,
    revision      integer NOT NULL,
    sequence      bigint NOT NULL,  -- number of the batch that brought this form
    shard         text NOT NULL,
    open          numeric NOT NULL,
    high          numeric NOT NULL,
    low           numeric NOT NULL,
    close         numeric NOT NULL,
    volume        numeric NOT NULL,
    buy_volume    numeric NOT NULL,
    notional      numeric NOT NULL,
    trades        integer NOT NULL,
    bid_price     numeric,          -- NULL when no quote was known
    bid_size      numeric,
    ask_price     numeric,
    ask_size      numeric,
    bid_depth     numeric,          -- NULL when the book was not valid
    ask_depth     numeric,
    crossed       boolean NOT NULL,
    PRIMARY KEY (instrument_id, interval_s, start_ns)
) WITH (fillfactor = 85);

-- `feature_values` maps name to value; null where a feature is not warm or does not exist for the row.
CREATE TABLE features (
    instrument_id  text COLLATE "C" NOT NULL,
    interval_s     integer NOT NULL,
    start_ns       bigint NOT NULL,
    bar_revision   integer NOT NULL,
    sequence       bigint NOT NULL,
    shard          text NOT NULL,
    close          numeric NOT NULL,
    feature_values jsonb NOT NULL,
    PRIMARY KEY (instrument_id, interval_s, start_ns)
) WITH (fillfactor = 85);

CREATE TABLE signals (
    signal_id         text COLLATE "C" PRIMARY KEY,
    strategy          text NOT NULL,
    instrument_id     text COLLATE "C" NOT NULL,
    interval_s        integer NOT NULL,
    bar_start_ns      bigint NOT NULL,
    bar_revision      integer NOT NULL,
    as_of_ns          bigint NOT NULL,
    action            text NOT NULL,
    confidence        double precision NOT NULL,
    price             numeric NOT NULL,
    bid_price         numeric,
    bid_size          numeric,
    ask_price         numeric,
    ask_size          numeric,
    stop_loss         numeric NOT NULL,
    take_profit       numeric NOT NULL,
    risk_reward_ratio double precision NOT NULL,
    reasons           jsonb NOT NULL,  -- [{"rule", "text", "weight"}], strongest first
    model_scores      jsonb NOT NULL,  -- [{"model", "version", "score", "threshold"}]
    degraded          boolean NOT NULL,
    shard             text NOT NULL
);
CREATE INDEX signals_as_of ON signals (as_of_ns);
CREATE INDEX signals_instrument ON signals (instrument_id, interval_s, bar_start_ns);

CREATE TABLE order_updates (
    client_order_id     text COLLATE "C" NOT NULL,
    n                   integer NOT NULL,
    account             text NOT NULL,
    instrument_id       text COLLATE "C" NOT NULL,
    side                text NOT NULL,
    status              text NOT NULL,
    quantity            numeric NOT NULL,
    limit_price         numeric NOT NULL,
    cumulative_quantity numeric NOT NULL,
    leaves_quantity     numeric NOT NULL,
    reasons             jsonb NOT NULL,  -- ["..."]
    signal_id           text COLLATE "C" NOT NULL,
    as_of_ns            bigint NOT NULL,
    PRIMARY KEY (client_order_id, n)
);
CREATE INDEX order_updates_signal ON order_updates (signal_id);
CREATE INDEX order_updates_as_of ON order_updates (as_of_ns);

CREATE TABLE fills (
    client_order_id text COLLATE "C" NOT NULL,
    n               integer NOT NULL,
    account         text NOT NULL,
    instrument_id   text COLLATE "C" NOT NULL,
    side            text NOT NULL,
    quantity        numeric NOT NULL,
    price           numeric NOT NULL,
    signal_id       text COLLATE "C" NOT NULL,
    as_of_ns        bigint NOT NULL,
    PRIMARY KEY (client_order_id, n)
);
CREATE INDEX fills_as_of ON fills (as_of_ns);

-- What could not be used: one row for each rejected tape row, named for ever as (stream, row_index).
CREATE TABLE dead_letters (
    stream     text COLLATE "C" NOT NULL,
    row_index  bigint NOT NULL,
    shard      text NOT NULL,
    reason     text NOT NULL,
    detail     text NOT NULL,
    raw        bytea NOT NULL,
    dialect    text NOT NULL,
    symbol     text NOT NULL,
    ts_receive bigint NOT NULL,
    spool_ref  text NOT NULL,      -- where the bytes lie when they were too long to travel
    redriven   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (stream, row_index)
);
CREATE INDEX dead_letters_reason ON dead_letters (reason);

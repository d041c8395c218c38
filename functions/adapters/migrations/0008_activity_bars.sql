-- Bars of equal activity: the newest form of each. A bar is known as (instrument, basis, UTC day, number in the day).
-- Times are UTC nanoseconds of venue time. Prices and sizes are exact, in quote and base currency.
CREATE TABLE activity_bars (
    instrument_id text COLLATE "C" NOT NULL,
    basis         text COLLATE "C" NOT NULL,  -- ticks, volume or notional
    day           date NOT NULL,
    ordinal       integer NOT NULL,
    finality      bar_finality NOT NULL,
    revision      integer NOT NULL,
    sequence      bigint NOT NULL,  -- number of the batch that brought this form
    shard         text NOT NULL,
    threshold     numeric NOT NULL, -- trades, base currency or quote currency
    start_ns      bigint NOT NULL,
    end_ns        bigint NOT NULL,
    open          numeric,          -- NULL when no trade may set it
    high          numeric,
    low           numeric,
    close         numeric,
    volume        numeric NOT NULL,
    buy_volume    numeric NOT NULL,
    notional      numeric NOT NULL,
    trades        integer NOT NULL,
    short         boolean NOT NULL, -- the day ended before the threshold was reached
    amended       boolean NOT NULL, -- a print was cancelled or corrected; prices may be its own
    missing       boolean NOT NULL, -- trades are missing in it or right before it
    PRIMARY KEY (instrument_id, basis, day, ordinal)
) WITH (fillfactor = 85);
CREATE INDEX activity_bars_start ON activity_bars (instrument_id, basis, start_ns);

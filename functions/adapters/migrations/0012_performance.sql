-- How models did as far as outcomes say, which series left their reference, and what became of signals.
-- Times are UTC nanoseconds of venue time. Rates are shares, errors log returns; NULL where a figure does not exist.

CREATE TABLE model_performance (
    shard               text COLLATE "C" NOT NULL,
    as_of_ns            bigint NOT NULL,
    name                text COLLATE "C" NOT NULL,
    version             text COLLATE "C" NOT NULL,
    interval_s          integer NOT NULL,
    horizon_bars        integer NOT NULL,       -- 0: counts of scored rows, whatever the model is about
    shadow              boolean NOT NULL,
    predictions_count   bigint NOT NULL,
    flagged_count       bigint NOT NULL,
    outcomes_count      bigint NOT NULL,
    missing_count       bigint NOT NULL,
    effective_count     double precision NOT NULL,
    accuracy            double precision,
    precision           double precision,
    recall              double precision,
    f1_score            double precision,
    false_positive_rate double precision,
    hit_rate            double precision,
    mae                 double precision,
    mae_naive           double precision,       -- of expecting no change
    rmse                double precision,
    brier               double precision,
    coverage_80         double precision,
    coverage_95         double precision,
    reliability         double precision,
    resolution          double precision,
    uncertainty         double precision,
    curve               jsonb NOT NULL,         -- [[forecast, observed, effective outcomes], ...]
    skill               double precision,       -- 0 to 1; NULL while outcomes are too few
    broken              text NOT NULL,          -- how calibration broke its promise; empty while it holds
    last_updated_ns     bigint NOT NULL,
    PRIMARY KEY (shard, name, version, interval_s, horizon_bars, as_of_ns)
);

CREATE TABLE drifts (
    shard               text COLLATE "C" NOT NULL,
    watched             text COLLATE "C" NOT NULL,  -- feature, score, residual
    name                text COLLATE "C" NOT NULL,
    version             text COLLATE "C" NOT NULL,
    instrument_id       text COLLATE "C" NOT NULL,  -- empty for residuals
    interval_s          integer NOT NULL,
    horizon_bars        integer NOT NULL,
    as_of_ns            bigint NOT NULL,
    direction           text NOT NULL,              -- up, down
    level               double precision NOT NULL,
    reference_mean      double precision NOT NULL,
    reference_deviation double precision NOT NULL,
    PRIMARY KEY (shard, watched, name, version, instrument_id, interval_s, horizon_bars, as_of_ns)
);

CREATE TABLE outcomes (
    signal_id           text COLLATE "C" PRIMARY KEY,
    strategy            text NOT NULL,
    instrument_id       text COLLATE "C" NOT NULL,
    interval_s          integer NOT NULL,
    bar_start_ns        bigint NOT NULL,
    action              text NOT NULL,              -- buy, sell
    confidence          double precision NOT NULL,
    price               numeric NOT NULL,           -- entry, quote currency
    exit                text NOT NULL,              -- stop_loss, take_profit, horizon, missing
    exit_price          numeric,
    exit_ns             bigint NOT NULL,
    bars                integer NOT NULL,
    gain                double precision,           -- log return in the direction of the action, before costs
    return_1            double precision,
    return_4            double precision,
    return_24           double precision,
    shard               text NOT NULL
);
CREATE INDEX outcomes_series ON outcomes (strategy, instrument_id, interval_s, bar_start_ns);

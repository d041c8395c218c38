-- How accounts stood at the ends of windows, and the limits they broke: the highest revision of each, none taken away.
-- Times are UTC nanoseconds of venue time. Money is exact, in account currency; NULL where a rate is missing.

CREATE TABLE risk_metrics (
    account             text COLLATE "C" NOT NULL,
    end_ns              bigint NOT NULL,
    start_ns            bigint NOT NULL,       -- 50 ms before its end for a window of fills, a minute for one of marks
    part                integer NOT NULL,      -- each hundred fills close a part of a window
    revision            bigint NOT NULL,       -- how many facts the row rests on
    fills_count         bigint NOT NULL,       -- of the account before the end
    currency            text NOT NULL,
    capital             numeric NOT NULL,
    cash                numeric,
    positions_value     numeric,
    equity              numeric,
    gross_exposure      numeric,
    net_exposure        numeric,
    realized_pnl        numeric,               -- at average cost, before fees
    unrealized_pnl      numeric,
    realized_pnl_fifo   numeric,
    unrealized_pnl_fifo numeric,
    fees                numeric,
    peak_equity         numeric NOT NULL,
    drawdown            double precision,      -- share of the peak, positive
    exposure_ratio      double precision,      -- gross, share of the capital
    returns_count       integer,               -- behind the values at risk, which are for a minute and positive
    var_95              double precision,
    var_99              double precision,
    var_95_parametric   double precision,
    var_99_parametric   double precision,
    shortfall_95        double precision,
    shortfall_99        double precision,
    flags               integer NOT NULL,      -- bits, as RiskMetrics says
    broken_limits       jsonb NOT NULL,        -- ["..."]
    balances            jsonb NOT NULL,        -- {currency: amount as text}
    positions           jsonb NOT NULL,        -- [{instrument_id, currency, quantity, ... as text}]
    PRIMARY KEY (account, end_ns, start_ns, part)
);

CREATE TABLE limit_breaches (
    account   text COLLATE "C" NOT NULL,
    limit_name text COLLATE "C" NOT NULL,      -- exposure_ratio, drawdown, var_95, capital
    end_ns    bigint NOT NULL,
    start_ns  bigint NOT NULL,
    part      integer NOT NULL,
    revision  bigint NOT NULL,
    found     numeric NOT NULL,
    allowed   numeric NOT NULL,
    withdrawn boolean NOT NULL,                -- a later revision of the row is within the limit
    PRIMARY KEY (account, limit_name, end_ns, start_ns, part)
);

-- What each account holds, by its newest row.
CREATE VIEW held_positions AS
SELECT newest.account, newest.end_ns, held.*
FROM (SELECT DISTINCT ON (account) account, end_ns, positions
      FROM risk_metrics ORDER BY account, end_ns DESC, start_ns, part DESC) AS newest,
     jsonb_to_recordset(newest.positions) AS held (
         instrument_id text, currency text, quantity numeric, cost numeric, mark_price numeric, value numeric,
         realized_pnl numeric, unrealized_pnl numeric, fees numeric
     );

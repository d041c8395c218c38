-- The ledger: accounts, orders and the events about them, written together in one transaction by the orders service.
-- Times are UTC nanoseconds of venue time. Quantities and money are exact, in base and account currency.

CREATE TABLE ledger_account (
    account       text COLLATE "C" PRIMARY KEY,
    capital       numeric NOT NULL,
    cash          numeric NOT NULL,
    next_sequence bigint NOT NULL CHECK (next_sequence >= 0)  -- number of the next event; moves with every booking
) WITH (fillfactor = 50);

CREATE TABLE ledger_position (
    account       text COLLATE "C" NOT NULL REFERENCES ledger_account,
    instrument_id text COLLATE "C" NOT NULL,
    quantity      numeric NOT NULL,                           -- signed
    price         numeric NOT NULL CHECK (price >= 0),        -- what it was last valued at
    PRIMARY KEY (account, instrument_id)
) WITH (fillfactor = 50);

CREATE TABLE ledger_order (
    client_order_id text COLLATE "C" PRIMARY KEY,             -- the idempotency key
    account         text COLLATE "C" NOT NULL REFERENCES ledger_account,
    instrument_id   text COLLATE "C" NOT NULL,
    side            text NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity        numeric NOT NULL,
    limit_price     numeric NOT NULL,
    bid_price       numeric NOT NULL,                         -- the quote it was decided on; 0 when a side is unknown
    bid_size        numeric NOT NULL,
    ask_price       numeric NOT NULL,
    ask_size        numeric NOT NULL,
    quote_ns        bigint NOT NULL,
    as_of_ns        bigint NOT NULL,
    limits_version  text NOT NULL,
    signal_id       text COLLATE "C" NOT NULL,
    causation_id    text COLLATE "C" NOT NULL,
    correlation_id  text COLLATE "C" NOT NULL
);
CREATE INDEX ledger_order_account ON ledger_order (account, as_of_ns);

CREATE TABLE ledger_order_update (
    client_order_id     text COLLATE "C" NOT NULL REFERENCES ledger_order,
    n                   integer NOT NULL CHECK (n > 0),
    status              text NOT NULL,                        -- FIX 4.4 OrdStatus, in words
    cumulative_quantity numeric NOT NULL,
    leaves_quantity     numeric NOT NULL,
    reasons             jsonb NOT NULL,                       -- ["..."]
    PRIMARY KEY (client_order_id, n)
);

CREATE TABLE ledger_fill (
    client_order_id text COLLATE "C" NOT NULL REFERENCES ledger_order,
    n               integer NOT NULL CHECK (n > 0),
    quantity        numeric NOT NULL CHECK (quantity > 0),
    price           numeric NOT NULL CHECK (price > 0),
    PRIMARY KEY (client_order_id, n)
);

CREATE TYPE outbox_state AS ENUM ('pending', 'published', 'refused');

-- An event is stored as it will be sent, so that sending it again sends the same bytes.
CREATE TABLE ledger_outbox (
    outbox_position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account         text COLLATE "C" NOT NULL REFERENCES ledger_account,
    sequence        bigint NOT NULL,                          -- contiguous in an account
    event_id        text COLLATE "C" NOT NULL,
    source          text NOT NULL,
    type            text NOT NULL,
    time_ns         bigint NOT NULL,
    subject         text NOT NULL,
    content_type    text NOT NULL,
    extensions      jsonb NOT NULL,
    data            bytea NOT NULL,
    state           outbox_state NOT NULL DEFAULT 'pending',
    refusal         text NOT NULL DEFAULT '',
    UNIQUE (account, sequence)
);
CREATE INDEX ledger_outbox_pending ON ledger_outbox (outbox_position) WHERE state = 'pending';

-- Where trading is stopped; the empty account stands for all.
CREATE TABLE risk_kill_switch (
    account    text COLLATE "C" PRIMARY KEY,
    engaged    boolean NOT NULL,
    reason     text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

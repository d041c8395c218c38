-- One writer an account, behind a lease with a fencing number; orders that rest at venues; requests about orders.

ALTER TABLE ledger_account
    ADD COLUMN fence        bigint NOT NULL DEFAULT 0,        -- moves with every new leader; who has a lower one may not write
    ADD COLUMN holder       text NOT NULL DEFAULT '',         -- who leads
    ADD COLUMN leased_until timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN peak_equity  numeric NOT NULL DEFAULT 0;       -- greatest there was; 0 while nobody has looked

ALTER TABLE ledger_order
    ADD COLUMN time_in_force  text NOT NULL DEFAULT 'immediate_or_cancel',
    ADD COLUMN price_exponent integer NOT NULL DEFAULT 0,     -- of 0 in orders from before, none of which works
    ADD COLUMN size_exponent  integer NOT NULL DEFAULT 0,
    ADD COLUMN opened         bigint NOT NULL DEFAULT -1,     -- number of its first step on the account's stream
    ADD COLUMN answer_n       integer NOT NULL DEFAULT 2147483647, -- the step that answered who handed it in
    ADD COLUMN working        boolean NOT NULL DEFAULT false,
    ADD COLUMN life           jsonb NOT NULL DEFAULT '{}';    -- what its writer must know beside steps and fills

-- Orders from before have all ended. Their units are as fine as their figures were written; one filled in part was
-- canceled there.
UPDATE ledger_order SET
    opened = counted.place,
    price_exponent = -greatest(scale(limit_price), scale(bid_price), scale(ask_price)),
    size_exponent = -greatest(scale(quantity), scale(bid_size), scale(ask_size))
FROM (SELECT client_order_id, row_number() OVER (PARTITION BY account ORDER BY as_of_ns, client_order_id)
          - count(*) OVER (PARTITION BY account) - 1 AS place FROM ledger_order) AS counted
WHERE counted.client_order_id = ledger_order.client_order_id;

UPDATE ledger_order SET
    answer_n = final.n,
    life = jsonb_build_object(
        'quantity', (quantity * 10::numeric ^ -size_exponent)::bigint,
        'limit_price', (limit_price * 10::numeric ^ -price_exponent)::bigint,
        'steps', final.n,
        'acknowledged', final.status <> 'rejected',
        'ended', CASE final.status WHEN 'filled' THEN NULL WHEN 'rejected' THEN 'rejected' ELSE 'canceled' END,
        'cancel_id', '', 'replacement', NULL,
        'fills', (SELECT count(*) FROM ledger_fill f WHERE f.client_order_id = ledger_order.client_order_id),
        'venue_order_id', '', 'unknown', false)
FROM (SELECT DISTINCT ON (client_order_id) client_order_id, n, status
      FROM ledger_order_update ORDER BY client_order_id, n DESC) AS final
WHERE final.client_order_id = ledger_order.client_order_id;

ALTER TABLE ledger_order ALTER COLUMN opened DROP DEFAULT, ALTER COLUMN answer_n DROP DEFAULT,
    ALTER COLUMN life DROP DEFAULT;
CREATE UNIQUE INDEX ledger_order_opened ON ledger_order (account, opened);
CREATE INDEX ledger_order_working ON ledger_order (account, opened) WHERE working;

ALTER TABLE ledger_order_update
    ADD COLUMN sequence        bigint NOT NULL DEFAULT 0,     -- on the account's stream; 0 in steps from before
    ADD COLUMN quantity        numeric,                       -- null in steps from before: the order's own
    ADD COLUMN limit_price     numeric,
    ADD COLUMN as_of_ns        bigint,
    ADD COLUMN exec_type       text NOT NULL DEFAULT '',      -- FIX 4.4 ExecType, in words
    ADD COLUMN venue_order_id  text NOT NULL DEFAULT '',
    ADD COLUMN request_id      text NOT NULL DEFAULT '',
    ADD COLUMN average_price   numeric NOT NULL DEFAULT 0,
    ADD COLUMN outcome_unknown boolean NOT NULL DEFAULT false;

ALTER TABLE ledger_fill
    DROP CONSTRAINT ledger_fill_quantity_check,
    ADD CONSTRAINT ledger_fill_quantity_check CHECK (quantity >= 0), -- 0 takes an execution back
    DROP CONSTRAINT ledger_fill_price_check,
    ADD CONSTRAINT ledger_fill_price_check CHECK (price >= 0),
    ADD COLUMN sequence         bigint NOT NULL DEFAULT 0,
    ADD COLUMN as_of_ns         bigint,
    ADD COLUMN exec_id          text NOT NULL DEFAULT '',
    ADD COLUMN fee              numeric NOT NULL DEFAULT 0,
    ADD COLUMN currency         text NOT NULL DEFAULT '',
    ADD COLUMN multiplier       numeric NOT NULL DEFAULT 1,
    ADD COLUMN replaces_exec_id text NOT NULL DEFAULT '';

-- What requests about orders were answered: one row for each order a request touched.
CREATE TABLE ledger_request (
    account         text COLLATE "C" NOT NULL REFERENCES ledger_account,
    request_id      text COLLATE "C" NOT NULL,
    client_order_id text COLLATE "C" NOT NULL,                -- empty when a mass cancel found nothing
    n               integer NOT NULL,                         -- the step that answered
    reasons         jsonb NOT NULL,                           -- told instead of the step's own, unless empty
    PRIMARY KEY (account, request_id, client_order_id)
);

CREATE TYPE venue_message_state AS ENUM ('stored', 'sending', 'sent');

-- What a venue is told. `sending` is written before the first byte leaves: who finds it must ask the venue first.
CREATE TABLE ledger_venue_message (
    account         text COLLATE "C" NOT NULL REFERENCES ledger_account,
    sequence        bigint NOT NULL,                          -- of the step that asks
    kind            text NOT NULL CHECK (kind IN ('new', 'cancel', 'replace')),
    client_order_id text COLLATE "C" NOT NULL REFERENCES ledger_order,
    request_id      text COLLATE "C" NOT NULL,
    quantity        bigint NOT NULL,                          -- mantissas of the order's exponents
    limit_price     bigint NOT NULL,
    as_of_ns        bigint NOT NULL,
    state           venue_message_state NOT NULL DEFAULT 'stored',
    PRIMARY KEY (account, sequence)
);
CREATE INDEX ledger_venue_message_open ON ledger_venue_message (account, sequence) WHERE state <> 'sent';

-- Steps beside their orders: all of them, and the newest of each.
CREATE VIEW ledger_step AS
SELECT o.*, u.n, u.sequence, u.status, coalesce(u.quantity, o.quantity) AS step_quantity,
    coalesce(u.limit_price, o.limit_price) AS step_limit_price, u.cumulative_quantity, u.leaves_quantity, u.reasons,
    coalesce(u.as_of_ns, o.as_of_ns) AS step_as_of_ns, u.exec_type, u.venue_order_id, u.request_id, u.average_price,
    u.outcome_unknown
FROM ledger_order o JOIN ledger_order_update u USING (client_order_id);

CREATE VIEW ledger_last_step AS
SELECT o.*, u.n, u.sequence, u.status, coalesce(u.quantity, o.quantity) AS step_quantity,
    coalesce(u.limit_price, o.limit_price) AS step_limit_price, u.cumulative_quantity, u.leaves_quantity, u.reasons,
    coalesce(u.as_of_ns, o.as_of_ns) AS step_as_of_ns, u.exec_type, u.venue_order_id, u.request_id, u.average_price,
    u.outcome_unknown
FROM ledger_order o CROSS JOIN LATERAL (
    SELECT * FROM ledger_order_update WHERE client_order_id = o.client_order_id ORDER BY n DESC LIMIT 1) u;

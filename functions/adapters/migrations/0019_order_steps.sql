-- Why a step of an order was taken, what the venue calls it, and what an execution cost; empty in rows from before.

ALTER TABLE order_updates
    ADD COLUMN exec_type       text,                          -- FIX 4.4 ExecType, in words; null when not told
    ADD COLUMN venue_order_id  text NOT NULL DEFAULT '',
    ADD COLUMN request_id      text NOT NULL DEFAULT '',      -- the cancel or replace it answers
    ADD COLUMN average_price   numeric NOT NULL DEFAULT 0,
    ADD COLUMN outcome_unknown boolean NOT NULL DEFAULT false,
    ADD COLUMN sequence        bigint NOT NULL DEFAULT 0;     -- on the account's stream

ALTER TABLE fills
    ADD COLUMN exec_id          text NOT NULL DEFAULT '',
    ADD COLUMN fee              numeric NOT NULL DEFAULT 0,   -- in `currency`
    ADD COLUMN currency         text NOT NULL DEFAULT '',
    ADD COLUMN multiplier       numeric NOT NULL DEFAULT 1,
    ADD COLUMN replaces_exec_id text NOT NULL DEFAULT '',     -- the execution this takes back (quantity 0) or corrects
    ADD COLUMN sequence         bigint NOT NULL DEFAULT 0;

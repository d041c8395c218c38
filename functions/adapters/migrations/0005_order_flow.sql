-- What was said about orders over FIX: one row for each message, named for ever as (stream, row_index).
CREATE TABLE order_flow (
    stream              text COLLATE "C" NOT NULL,
    row_index           bigint NOT NULL,
    shard               text NOT NULL,
    kind                text NOT NULL,
    sender              text NOT NULL,
    target              text NOT NULL,
    sequence_number     bigint NOT NULL,
    cl_ord_id           text COLLATE "C" NOT NULL,
    orig_cl_ord_id      text COLLATE "C" NOT NULL,
    order_id            text COLLATE "C" NOT NULL,
    exec_id             text COLLATE "C" NOT NULL,
    exec_type           text NOT NULL,
    ord_status          text NOT NULL,
    symbol              text COLLATE "C" NOT NULL,
    side                text NOT NULL,
    quantity            numeric,            -- null where the message does not say
    price               numeric,
    last_quantity       numeric,
    last_price          numeric,
    leaves_quantity     numeric,
    cumulative_quantity numeric,
    average_price       numeric,
    message_text        text NOT NULL,
    poss_resend         boolean NOT NULL,
    ts_event            bigint NOT NULL,    -- 0 where the message does not say
    ts_sent             bigint NOT NULL,
    ts_receive          bigint NOT NULL,
    reason              text NOT NULL,
    flaw                text NOT NULL,      -- what is wrong with the message; empty when nothing is
    PRIMARY KEY (stream, row_index)
);
CREATE INDEX order_flow_order ON order_flow (cl_ord_id);
CREATE INDEX order_flow_event ON order_flow (ts_event);

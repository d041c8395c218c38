-- What feeds were like: one row for each instrument and window of its shard's watermark.
CREATE TABLE feed_quality (
    instrument_id       text COLLATE "C" NOT NULL,
    shard               text COLLATE "C" NOT NULL,
    window_start_ns     bigint NOT NULL,
    window_end_ns       bigint NOT NULL,
    rows                bigint NOT NULL,
    trades              bigint NOT NULL,
    quotes              bigint NOT NULL,
    book_messages       bigint NOT NULL,
    repeated            bigint NOT NULL,
    missing_trades      bigint NOT NULL,
    book_breaks         bigint NOT NULL,
    out_of_order        bigint NOT NULL,
    crossed_ns          bigint NOT NULL,
    silence_ns_max      bigint NOT NULL,
    delay_ns_mean       bigint NOT NULL,
    PRIMARY KEY (instrument_id, shard, window_end_ns)
);

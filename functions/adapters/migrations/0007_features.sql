-- Features with the time at which each row was known, so that reading as of a time never sees the future.
DROP TABLE features;

-- Names of the columns of `feature_values`, by digest: releases differ, rows stay.
CREATE TABLE feature_schemas (
    digest bytea PRIMARY KEY,
    names  text[] NOT NULL
);

CREATE TABLE feature_rows (
    instrument_id  text COLLATE "C" NOT NULL,
    interval_s     integer NOT NULL,
    start_ns       bigint NOT NULL,
    revision       integer NOT NULL,   -- of the bar; every one is kept
    available_ns   bigint NOT NULL,    -- when the row was first known, UTC nanoseconds of venue time
    sequence       bigint NOT NULL,    -- number of the batch that brought this form
    close          bigint NOT NULL,    -- mantissa
    price_exponent smallint NOT NULL,
    shard          text NOT NULL,
    schema_digest  bytea NOT NULL,
    feature_values float8[] NOT NULL,  -- 0 where the state is not 1
    states         bytea NOT NULL,     -- one byte a value: 0 not warm, 1 valid, 2 degenerate
    PRIMARY KEY (instrument_id, interval_s, start_ns, revision),
    CONSTRAINT known_after_the_end CHECK (available_ns >= start_ns + interval_s * 1000000000::bigint)
) WITH (toast_tuple_target = 8160);  -- floats do not compress, and all of a row is read together: it stays in its page
ALTER TABLE feature_rows ALTER COLUMN feature_values SET STORAGE MAIN;

-- The newest revision of each row by name, for reading with plain SQL; null where a feature is not valid.
CREATE VIEW features AS
SELECT instrument_id, interval_s, start_ns, revision, available_ns, shard,
    close * ('1e' || price_exponent)::numeric AS close,
    (SELECT jsonb_object_agg(name, CASE WHEN get_byte(states, place::integer - 1) = 1 THEN feature_values[place] END)
     FROM unnest(names) WITH ORDINALITY AS n (name, place)) AS feature_values
FROM feature_rows AS r JOIN feature_schemas ON digest = schema_digest
WHERE NOT EXISTS (
    SELECT FROM feature_rows AS later
    WHERE (later.instrument_id, later.interval_s, later.start_ns) = (r.instrument_id, r.interval_s, r.start_ns)
        AND later.revision > r.revision);

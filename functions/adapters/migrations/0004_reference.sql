-- Reference data: every form of every instrument, by the version of the reference that brought it.
-- A version is one load or one status; it never changes once written, so it may be cached for ever.

CREATE TABLE reference_versions (
    version   bigint PRIMARY KEY,
    source    text NOT NULL,
    at_ns     bigint NOT NULL,   -- time of which the records are told, UTC nanoseconds
    written   integer NOT NULL,  -- instruments it changed
    digest    text NOT NULL,     -- of the version before and the records written: equal names know the same, anywhere
    loaded_at timestamptz NOT NULL DEFAULT now()
);

-- `record` is tickloom.reference.v1.Instrument, the whole of it; the columns beside it are for reading with plain SQL.
CREATE TABLE instruments (
    instrument_id       text COLLATE "C" NOT NULL,
    version_from        bigint NOT NULL REFERENCES reference_versions (version),
    version_to          bigint,            -- NULL for the form that holds today
    venue               text NOT NULL,
    venue_symbol        text NOT NULL,
    asset_class         text NOT NULL,
    quote_currency      text NOT NULL,
    tick_size           numeric NOT NULL,  -- in quote currency
    lot_size            numeric NOT NULL,  -- in base currency
    sector              text NOT NULL,     -- empty when none is known
    market_cap          numeric,           -- in quote currency; NULL when unknown
    market_cap_as_of_ns bigint NOT NULL,
    calendar            text NOT NULL,
    listed_from_ns      bigint NOT NULL,
    listed_to_ns        bigint NOT NULL,
    restricted          boolean,           -- NULL when its source did not tell
    record              bytea NOT NULL,
    PRIMARY KEY (instrument_id, version_from)
);
CREATE UNIQUE INDEX instruments_today ON instruments (instrument_id) WHERE version_to IS NULL;
CREATE INDEX instruments_venue ON instruments (venue, instrument_id);

-- News, posts and the economic calendar: every version a source gave, with the first moment it could be known.
-- Times are UTC nanoseconds. Read `news` and `calendar` for the newest versions; for what was known at a time, read the
-- versions with ts_available up to it.

CREATE TABLE news_versions (
    news_id         text COLLATE "C" NOT NULL,
    content_key     text COLLATE "C" NOT NULL,
    revision        bigint NOT NULL,
    ts_available    bigint NOT NULL,
    ts_receive      bigint NOT NULL,
    stream          text COLLATE "C" NOT NULL,  -- (stream, row_index) names the row it was first read from
    row_index       bigint NOT NULL,
    kind            text NOT NULL,              -- news, social
    status          text NOT NULL,              -- published, updated, corrected, withdrawn
    source          text NOT NULL,
    native_id       text NOT NULL,
    headline        text NOT NULL,
    body            text NOT NULL,
    body_truncated  boolean NOT NULL,
    url             text NOT NULL,
    language        text NOT NULL,
    author          text NOT NULL,
    tickers         jsonb NOT NULL,             -- ["..."], as the source writes them
    symbology       text NOT NULL,              -- ticker, ric, cashtag; empty without tickers
    subjects        jsonb NOT NULL,             -- ["..."]
    urgency         integer NOT NULL,
    ts_published    bigint,
    syndication_key text COLLATE "C" NOT NULL,
    PRIMARY KEY (news_id, content_key)
);
CREATE INDEX news_versions_available ON news_versions (ts_available);
CREATE INDEX news_versions_syndication ON news_versions (syndication_key);
CREATE INDEX news_versions_tickers ON news_versions USING gin (tickers jsonb_path_ops);

CREATE VIEW news AS
SELECT DISTINCT ON (news_id) * FROM news_versions
ORDER BY news_id, revision DESC, ts_available DESC, content_key DESC;

CREATE TABLE calendar_versions (
    event_id     text COLLATE "C" NOT NULL,
    content_key  text COLLATE "C" NOT NULL,
    revision     bigint NOT NULL,
    ts_available bigint NOT NULL,
    ts_receive   bigint NOT NULL,
    stream       text COLLATE "C" NOT NULL,
    row_index    bigint NOT NULL,
    source       text NOT NULL,
    native_id    text NOT NULL,
    currency     text NOT NULL,
    country      text NOT NULL,
    impact       text NOT NULL,   -- low, medium, high, non_economic; empty when not told
    name         text NOT NULL,
    ts_scheduled bigint NOT NULL,
    timing       text NOT NULL,   -- exact, tentative, all_day
    actual       jsonb NOT NULL,  -- {"text", "form", "values": ["..."], "comparison"}
    forecast     jsonb NOT NULL,
    previous     jsonb NOT NULL,
    PRIMARY KEY (event_id, content_key)
);
CREATE INDEX calendar_versions_scheduled ON calendar_versions (ts_scheduled);
CREATE INDEX calendar_versions_available ON calendar_versions (ts_available);

CREATE VIEW calendar AS
SELECT DISTINCT ON (event_id) * FROM calendar_versions
ORDER BY event_id, revision DESC, ts_available DESC, content_key DESC;

-- What models say of news and posts: one row for each version of an item and model, with the first moment it could be
-- known. Times are UTC nanoseconds. The figures are NULL where the model said nothing: no words, withdrawn, degraded.
-- Read `sentiment` for what counts now, each text once.

CREATE TABLE sentiment_versions (
    news_id         text COLLATE "C" NOT NULL,
    content_key     text COLLATE "C" NOT NULL,
    model           text COLLATE "C" NOT NULL,
    version         text COLLATE "C" NOT NULL,  -- of the model; empty when degraded
    revision        bigint NOT NULL,
    ts_available    bigint NOT NULL,
    ts_receive      bigint NOT NULL,
    stream          text COLLATE "C" NOT NULL,  -- (stream, row_index) names the row it was first read from
    row_index       bigint NOT NULL,
    kind            text NOT NULL,              -- news, social
    status          text NOT NULL,              -- published, updated, corrected, withdrawn
    source          text NOT NULL,
    tickers         text[] NOT NULL,            -- as the source writes them
    symbology       text NOT NULL,              -- ticker, ric, cashtag; empty without tickers
    syndication_key text COLLATE "C" NOT NULL,
    bearish         double precision,           -- probabilities that sum to 1
    neutral         double precision,
    bullish         double precision,
    PRIMARY KEY (news_id, content_key, model)
);
CREATE INDEX sentiment_versions_available ON sentiment_versions (ts_available);
CREATE INDEX sentiment_versions_syndication ON sentiment_versions (syndication_key);
CREATE INDEX sentiment_versions_tickers ON sentiment_versions USING gin (tickers);

CREATE VIEW sentiment AS
SELECT DISTINCT ON (model, CASE syndication_key WHEN '' THEN news_id ELSE syndication_key END) *, bullish - bearish AS score
FROM (
    SELECT DISTINCT ON (model, news_id) * FROM sentiment_versions
    ORDER BY model, news_id, revision DESC, ts_available DESC, content_key DESC
) AS newest
WHERE status <> 'withdrawn'
ORDER BY model, CASE syndication_key WHEN '' THEN news_id ELSE syndication_key END, bullish IS NULL, ts_available, ts_receive, stream, row_index;

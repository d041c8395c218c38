-- What each signal rests on: what was wanted and what gates stopped, what its confidence means, expected value, stake,
-- shares of its indicators, predictions of models, and the event it was decided on; keys as in `domain.decisions`.
ALTER TABLE signals ADD COLUMN evidence jsonb NOT NULL DEFAULT '{}';

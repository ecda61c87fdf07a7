-- Digests of cases are taken from the feed: up to which position of it stands here. A push writes nothing for them.
CREATE TABLE digest_upto (
  office TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES office (code),
  position BIGINT NOT NULL
);
-- What has changed until now is marked case by case.
INSERT INTO digest_upto (office, position) SELECT office, position FROM counter;
SELECT guard_rows('digest_upto');

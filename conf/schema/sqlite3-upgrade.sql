-- What a data base of an older version lacks, written as SQL. SQLite adds a column only if it is not
-- there, and cannot ask; so this prints the statements, and a second sqlite3 runs them:
--     sqlite3 /path/wxlogin.db < sqlite3-upgrade.sql | sqlite3 /path/wxlogin.db
--     sqlite3 /path/wxlogin.db < sqlite3.sql
-- It prints nothing where nothing is missing. Stop httpd before.

SELECT 'ALTER TABLE wxlogin_user ADD COLUMN token_epoch INTEGER;'
WHERE EXISTS (SELECT 1 FROM pragma_table_info('wxlogin_user'))
  AND NOT EXISTS (SELECT 1 FROM pragma_table_info('wxlogin_user') WHERE name = 'token_epoch');

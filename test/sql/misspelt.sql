-- A misspelt name is refused; 16 and newer refuse ALTER SYSTEM in other words.
SET pooler.poolsize = 5;
ALTER SYSTEM SET pooler.poolsize = 5;
SHOW pooler.poolsize;

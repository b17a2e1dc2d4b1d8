-- What an account holds that nothing looks into, packed; absent where it is all as it comes. MySQL cannot add a column
-- only if it is not there, so that is looked up.
SET @step = (
    SELECT IF(COUNT(*) > 0, 'DO 0', 'ALTER TABLE chat_accounts ADD COLUMN particulars LONGBLOB')
    FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'chat_accounts' AND column_name = 'particulars'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;

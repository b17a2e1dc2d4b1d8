-- What an account holds that nothing looks into, packed; absent where it is all as it comes.
ALTER TABLE chat_accounts ADD COLUMN particulars BLOB;

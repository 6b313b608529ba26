/** Tables of the accounts room. Column names are snake_case; only that room's stores map them. */
export interface AccountTables {}

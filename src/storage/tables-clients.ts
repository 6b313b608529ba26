/** Tables of the clients room. Column names are snake_case; only that room's stores map them. */
export interface ClientTables {}

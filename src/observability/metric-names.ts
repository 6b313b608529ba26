/** One metric: what it counts or measures, and the few labels it may carry. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

function metric<K extends MetricDefinition['kind']>(kind: K, help: string, ...labels: string[]) {
  return { kind, help, labels } as const;
}

/**
 * Every metric there is. Labels hold words from short lists (an outcome, an endpoint, a store), never an id,
 * an address or anything that people type.
 */
export const metricDefinitions = {
  cardea_http_requests_total: metric('counter', 'Answered requests', 'method', 'route', 'status'),
  cardea_http_request_seconds: metric('histogram', 'Time to answer a request', 'route'),
  cardea_authorizations_total: metric('counter', 'Finished authorizations', 'outcome'),
  cardea_tokens_issued_total: metric('counter', 'Token endpoint answers', 'grant_type', 'outcome'),
  cardea_refusals_total: metric('counter', 'Refused requests', 'endpoint', 'error'),
  cardea_rate_limited_total: metric('counter', 'Requests over a limit', 'limit'),
  cardea_sign_ins_total: metric('counter', 'Sign-in attempts', 'outcome'),
  cardea_proofs_of_work_total: metric(
    'counter',
    'Challenges under pressure, and what came of them',
    'outcome',
  ),
  cardea_upstream_total: metric('counter', 'What came of sign-ins at other providers', 'outcome'),
  cardea_sign_ups_total: metric('counter', 'Accounts that people made themselves'),
  cardea_consents_total: metric('counter', 'Consent decisions', 'outcome'),
  cardea_registrations_total: metric(
    'counter',
    'Clients that registered, changed or deleted themselves, or went because nobody used them',
    'outcome',
  ),
  cardea_families_ended_total: metric('counter', 'Token families that were ended', 'reason'),
  cardea_grants_refused_total: metric(
    'counter',
    'Refused codes, refresh tokens and device codes',
    'token',
    'reason',
  ),
  cardea_mails_total: metric('counter', 'Mails that were sent or given up', 'mail', 'outcome'),
  cardea_logout_notices_total: metric('counter', 'Tries to tell a client of a sign-out', 'outcome'),
  cardea_logout_notices_due: metric('gauge', 'Sign-outs of which a client has not been told yet'),
  cardea_logout_receivers_failing: metric(
    'gauge',
    'Clients that did not take what they were told of a sign-out',
  ),
  cardea_password_hash_seconds: metric('histogram', 'Time of one password hash without its wait'),
  cardea_password_range_total: metric(
    'counter',
    'New passwords that were looked for among leaked ones elsewhere',
    'outcome',
  ),
  cardea_password_queue_length: metric('gauge', 'Sign-ins that wait for a hash'),
  cardea_storage_unavailable_total: metric(
    'counter',
    'Requests that were answered 503 because a store did not answer',
  ),
  cardea_storage_operations: metric(
    'gauge',
    'SQL statements and Redis commands sent by this process',
    'store',
  ),
  cardea_redis_evicted_keys: metric('gauge', 'Keys that Redis evicted; must stay 0'),
  cardea_redis_memory_ratio: metric('gauge', 'Used memory of Redis as a share of its maximum'),
  cardea_records_dropped: metric('gauge', 'Audit records of a full buffer that were lost since the start'),
  cardea_signing_keys: metric('gauge', 'Public signing keys in the JWKS', 'alg'),
  cardea_check_up: metric('gauge', '1 while a check of readiness passes', 'check'),
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof metricDefinitions;
export type MetricOf<K extends MetricDefinition['kind']> = {
  [N in MetricName]: (typeof metricDefinitions)[N]['kind'] extends K ? N : never;
}[MetricName];

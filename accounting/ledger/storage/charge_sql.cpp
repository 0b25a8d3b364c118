// SPDX-License-Identifier: Apache-2.0

#include "accounting/ledger/storage/charge_sql.hpp"

namespace sluice::ledger {

std::string charge_sql(const ChargeQuery& query) {
  std::string sql =
      "SELECT key, cluster, job_id, array_job_id, submit, start, end, user, account, partition, state, admission, "
      "voucher, programme, amount, by_voucher, by_self, overrun, posted, rated, record, body FROM charge WHERE 1";
  if (query.key) sql += " AND key = :key";
  if (!query.keys.empty()) sql += " AND key IN (SELECT value FROM json_each(:keys))";
  if (query.cluster) sql += " AND cluster = :cluster";
  if (query.account) sql += " AND account = :account";
  if (query.user) sql += " AND user = :user";
  if (query.voucher) sql += " AND voucher = :voucher";
  // An index that leaves rows out serves only a query that says so too.
  if (query.job_id) sql += " AND (job_id = :job OR (array_job_id = :job AND array_job_id <> 0))";
  if (query.end_from) sql += " AND end >= :from";
  if (query.end_to) sql += " AND end < :to";
  if (query.unrated_only) sql += " AND rated = 0";
  if (query.posted_only) sql += " AND posted = 1";
  // Few rows are found first and sorted then. SQLite would rather read all of them in their order,
  // and the plus sign keeps it from that.
  const bool few = query.key || !query.keys.empty() || query.job_id || query.unrated_only;
  sql += few ? " ORDER BY +end, key" : " ORDER BY end, key";
  return sql + " LIMIT :limit";
}

}  // namespace sluice::ledger

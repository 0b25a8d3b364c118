// SPDX-License-Identifier: Apache-2.0
//
// What Slurm knows, as plain values: a finished job's usage record, a live job,
// a cluster's inventory. Pure; nothing of Slurm's headers is needed here.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "accounting/core/time.hpp"

namespace sluice::slurm {

/// TRES by Slurm's own names: "cpu", "mem" (MB), "node", "billing", "gres/gpu", "gres/gpu:a100".
/// Energy is never in here (see UsageRecord::energy_joules).
using Tres = std::map<std::string, std::int64_t>;

/// One row of slurmdbd's job table.
struct UsageRecord {
  std::string cluster;
  std::uint64_t db_index = 0;
  std::uint32_t job_id = 0;
  std::uint32_t array_job_id = 0;               ///< 0: not of an array
  std::optional<std::uint32_t> array_task_id;   ///< none: not a task, or tasks still pending together
  /// Tasks that this record still stands for, "0x3FF" or "4-9": a lien is given back by counting them.
  std::string array_tasks;
  std::uint32_t het_job_id = 0;                 ///< 0: not heterogeneous
  std::optional<std::uint32_t> het_job_offset;
  std::uint32_t user_id = 0;
  std::string user;
  std::string account;
  std::string partition;
  std::string qos;
  std::string name;
  std::string nodes;                            ///< hostlist; empty where none was assigned
  /// Slurm's name: COMPLETED, FAILED, TIMEOUT, CANCELLED, REVOKED, REQUEUED, RESIZING …
  std::string state;
  std::uint32_t state_number = 0;               ///< as slurmdbd holds it
  UnixTime submit = 0;
  std::optional<UnixTime> eligible;
  std::optional<UnixTime> start;                ///< none: never started
  std::optional<UnixTime> end;                  ///< none: not finished
  std::int64_t elapsed_seconds = 0;             ///< of allocation, suspended time excluded
  std::int64_t suspended_seconds = 0;
  std::optional<std::int64_t> time_limit_minutes;  ///< none: unlimited or partition's
  Tres tres_alloc;
  Tres tres_req;
  std::optional<std::int64_t> energy_joules;    ///< none: absent, which is not zero
  std::int32_t exit_code = 0;                   ///< as wait(2) gives it: exit status × 256 + signal
  std::optional<std::uint32_t> restart_count;   ///< part of a charge's key; none where Slurm doesn't tell (22.05)
  std::string admin_comment;                    ///< the bytes as slurmdbd has them, not always UTF-8
};

/// A job as slurmctld has it now.
struct LiveJob {
  std::string cluster;
  std::uint32_t job_id = 0;
  std::uint32_t array_job_id = 0;
  std::optional<std::uint32_t> array_task_id;
  std::string array_tasks;    ///< tasks still pending in this record, "0-9%5"
  std::uint32_t user_id = 0;
  std::string account;
  std::string partition;
  std::string state;          ///< base state: PENDING, RUNNING, SUSPENDED, COMPLETED …
  bool finished = false;      ///< the base state is an end state
  bool revoked = false;       ///< a federation sibling runs it
  UnixTime submit = 0;
  UnixTime start = 0;         ///< 0: not started
  std::uint32_t het_job_id = 0;                    ///< 0: not heterogeneous
  std::optional<std::uint32_t> het_job_offset;
  std::optional<std::int64_t> time_limit_minutes;  ///< none: unlimited
  std::string tres_req;       ///< what it asks for, in Slurm's words: "cpu=2,mem=1000M,node=1"; to compare, not to read
  std::string admin_comment;
};

/// The live jobs of one cluster, or why they couldn't be read.
struct LiveCluster {
  std::string cluster;
  bool ok = false;
  std::string problem;
  UnixTime as_of = 0;  ///< by slurmctld's clock
  std::vector<LiveJob> jobs;
};

struct Node {
  std::string name;
  std::int64_t cpus = 0;       ///< that jobs can have, specialised ones excluded
  std::int64_t memory_mb = 0;  ///< that jobs can have
  std::int64_t sockets = 1;
  Tres gres;  ///< "gres/gpu" and "gres/gpu:TYPE"
};

struct Partition {
  std::string name;
  bool is_default = false;
  std::optional<std::int64_t> default_minutes;  ///< none: not set
  std::optional<std::int64_t> max_minutes;      ///< none: INFINITE
  std::int64_t def_mem_per_cpu_mb = 0;          ///< 0: not set here or in slurm.conf
  std::int64_t def_mem_per_node_mb = 0;
  bool exclusive = false;                       ///< OverSubscribe=EXCLUSIVE: whole nodes
  std::vector<std::string> nodes;
};

/// What prices a job that leaves things unsaid: Slurm's own defaults.
struct Inventory {
  std::string cluster;
  UnixTime as_of = 0;
  bool memory_is_consumable = false;
  std::vector<Node> nodes;
  std::vector<Partition> partitions;
  std::map<std::string, std::string> default_accounts;  ///< user name → default account on this cluster
  std::map<std::string, std::vector<std::string>> accounts_of_user;  ///< user name → accounts with an association here
  std::vector<std::string> accounts;                    ///< all accounts known to slurmdbd
  std::set<std::string> operators;                      ///< users with AdminLevel Operator or Administrator
  /// slurmdbd's PrivateData has jobs; false also where it doesn't tell (26.05).
  bool private_jobs = false;
  std::vector<std::string> control_hosts;
};

/// How the slurmctld of this host's cluster and its slurmdbd stand, for `sluice doctor`.
struct Diagnosis {
  std::string cluster;
  std::string slurm_version;            ///< of slurmctld
  std::int64_t clock_ahead_seconds = 0; ///< slurmctld's clock before this host's
  std::string job_submit_plugins;       ///< as in slurm.conf: "lua,sluice"
  std::string storage_type;             ///< AccountingStorageType
  std::string storage_tres;             ///< AccountingStorageTRES
  bool enforces_associations = false;   ///< AccountingStorageEnforce
  std::string state_folder;             ///< StateSaveLocation
  std::int64_t dbd_queue = 0;           ///< messages that slurmctld still has for slurmdbd
  std::int64_t dbd_queue_max = 0;       ///< MaxDBDMsgs: beyond it slurmctld drops some
  std::string dbd_problem;              ///< not empty: slurmdbd couldn't be asked, and what follows isn't known
  std::optional<std::string> purge_jobs_after;  ///< "12 months", "NONE"; none: slurmdbd doesn't tell (26.05)
};

}  // namespace sluice::slurm

// SPDX-License-Identifier: Apache-2.0
//
// Books: the state of a home service. Ledger, programmes, vouchers, proposals and
// open admissions live in memory behind one mutex; everything that changes is
// appended to the storage before it counts.
//
// Any thread may call. No call waits for a network. Only `sync`, views and audits wait
// for the disk, none of them under the mutex; under it single rows are looked up (a
// nonce that was used, a request id, a closed admission). The implementation stands in
// one file per idea: books.cpp, admit.cpp, settle.cpp, settle_record.cpp, sweep.cpp,
// proposals.cpp, views.cpp, view_job.cpp, modify.cpp, shared_lien.cpp.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "accounting/core/mutex.hpp"
#include "accounting/ledger/ledger.hpp"
#include "accounting/ledger/storage/storage.hpp"
#include "accounting/programme/eligibility.hpp"
#include "accounting/programme/programme.hpp"
#include "accounting/programme/voucher.hpp"
#include "accounting/service/admission.hpp"
#include "accounting/service/answer.hpp"
#include "accounting/service/appraisal.hpp"
#include "accounting/service/config.hpp"
#include "accounting/service/live_jobs.hpp"
#include "accounting/service/settlement.hpp"
#include "accounting/slurm/record.hpp"
#include "accounting/tariff/price_book.hpp"

namespace sluice::service {

/// A statement of more lines is refused: it is built in memory.
inline constexpr std::size_t statement_lines_max = 100'000;

/// Who asks through the public interface.
struct Caller {
  std::int64_t uid = -1;
  std::string name;
};

/// Something that one person proposed and another decides.
struct Proposal {
  std::string id;
  std::string kind;
  std::string state = "pending";  ///< pending, approved, rejected
  std::string summary;
  nlohmann::json body;
  ledger::Actor proposed_by;
  UnixTime proposed_at = 0;
  ledger::Actor decided_by;
  UnixTime decided_at = 0;
  std::string outcome;
};

/// What became of a set of usage records.
struct SettleCount {
  std::size_t charged = 0;
  std::size_t known = 0;     ///< charged before, or none of ours
  std::size_t unrated = 0;

  void add(const SettleCount& more) {
    charged += more.charged;
    known += more.known;
    unrated += more.unrated;
  }
};

class Books {
 public:
  Books(ledger::Storage& storage, std::string mac_key) : storage_(storage), mac_key_(std::move(mac_key)) {}

  /// Reads the stored state. Call once, before anything else.
  Result<void> load(UnixTime now);
  void set_config(std::shared_ptr<const Config> config);
  [[nodiscard]] std::shared_ptr<const Config> config() const;
  /// Takes a price book that an administrator put into place: the first is adopted,
  /// a later one becomes a proposal and is in force once approved. Says what it did.
  Result<std::string> offer_price_book(const std::string& file, const std::string& text, const ledger::Actor& author,
                                       UnixTime now);
  [[nodiscard]] std::shared_ptr<const tariff::PriceBook> prices() const;
  [[nodiscard]] UnixTime since() const { return since_; }
  [[nodiscard]] UnixTime collected_to() const;
  Result<void> set_collected_to(UnixTime to);

  /// Answers a submission; places a lien where it is to. Somebody calls flush() soon after: the death
  /// of the process in between leaves a job whose tag alone tells of it. Where that is enough, `early`
  /// is called as soon as the answer stands, under the mutex: slurmctld needn't wait for bookkeeping.
  using Told = std::function<void(const Answer&)>;
  [[nodiscard]] Answer admit(const AdmissionRequest& request, SlurmFacts& facts, UnixTime now, const Told& early = {});

  /// Answers `scontrol update` of a job that was admitted: raises its lien or refuses. Less is set
  /// aside only once follow_changes has seen that Slurm made the change.
  [[nodiscard]] Answer modify(const ModifyRequest& request, SlurmFacts& facts, UnixTime now);

  [[nodiscard]] Result<void> flush() { return storage_.flush(); }

  /// Charges finished jobs, each once: a record that was read before changes nothing. On
  /// success everything is on disk.
  Result<SettleCount> settle(const std::vector<slurm::UsageRecord>& records, UnixTime now);
  /// Rates again what had no price. Call after a price book came into force.
  Result<SettleCount> settle_unrated(UnixTime now);

  /// Compares open admissions with what every slurmctld holds: voids liens whose
  /// job never came. Returns job ids per cluster to ask slurmdbd for.
  Result<std::map<std::string, std::vector<std::uint32_t>>> sweep(std::vector<slurm::LiveCluster> live, UnixTime now);
  /// Compares what was asked for with what every slurmctld holds: a change that Slurm didn't make is
  /// taken back, one that nobody asked us about is followed. Before `sweep`.
  Result<void> follow_changes(const std::vector<slurm::LiveCluster>& live, const SlurmFacts& facts, UnixTime now);
  /// Ends vouchers whose time is over.
  Result<void> expire(UnixTime now);

  [[nodiscard]] Result<std::vector<ledger::TagRow>> tags_due(std::int64_t limit) { return storage_.tags_due(limit); }
  Result<void> tags_done(std::vector<std::int64_t> ids);

  /// Commands of people. `request` is the body of the call; its request_id makes it idempotent.
  Result<nlohmann::json> propose_programme(const Caller& caller, const nlohmann::json& request, UnixTime now);
  Result<nlohmann::json> propose_fund(const Caller& caller, const std::string& programme, const nlohmann::json& request, UnixTime now);
  Result<nlohmann::json> propose_voucher(const Caller& caller, const nlohmann::json& request, const SlurmFacts& facts, UnixTime now);
  Result<nlohmann::json> propose_revoke(const Caller& caller, const std::string& voucher, const nlohmann::json& request, UnixTime now);
  Result<nlohmann::json> set_suspended(const Caller& caller, const std::string& voucher, bool suspended,
                                       const nlohmann::json& request, UnixTime now);
  Result<nlohmann::json> refund(const Caller& caller, const nlohmann::json& request, UnixTime now);
  Result<nlohmann::json> decide(const Caller& caller, const std::string& proposal, bool approve,
                                const nlohmann::json& request, UnixTime now);

  /// Views; each shows a caller what that caller may see.
  Result<nlohmann::json> view_balance(const Caller& caller, const std::optional<std::string>& account,
                                      const SlurmFacts& facts, UnixTime now);
  Result<nlohmann::json> view_vouchers(const Caller& caller, const std::optional<std::string>& programme,
                                       const std::optional<std::string>& state, const SlurmFacts& facts, UnixTime now);
  Result<nlohmann::json> view_voucher(const Caller& caller, const std::string& id, const SlurmFacts& facts, UnixTime now);
  Result<nlohmann::json> view_programmes(UnixTime now);
  Result<nlohmann::json> view_programme(const std::string& id, UnixTime now);
  Result<nlohmann::json> view_proposals(const Caller& caller, const std::optional<std::string>& state, UnixTime now);
  Result<nlohmann::json> view_job(const Caller& caller, const JobName& name, const std::optional<std::string>& cluster,
                                  SlurmFacts& facts, UnixTime now);
  /// Of `clusters` alone where any is named.
  Result<nlohmann::json> view_statement(const Caller& caller, const ledger::ChargeQuery& query, const SlurmFacts& facts,
                                        UnixTime now, const std::vector<std::string>& clusters = {});
  /// Reads the whole ledger, which takes a while: for those who have a role.
  Result<nlohmann::json> verify_for(const Caller& caller, UnixTime now);
  Result<nlohmann::json> verify();
  [[nodiscard]] nlohmann::json counts() const;
  /// 0: none is open.
  [[nodiscard]] UnixTime oldest_open_admission() const;
  [[nodiscard]] std::map<std::string, Money> liens_of_programmes() const;

 private:
  /// Events that are checked and applied one by one and then stored together; what
  /// was not committed is reverted. Lives under the mutex.
  class Transaction {
   public:
    explicit Transaction(Books& books) : books_(books) {}
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    Result<void> post(ledger::Event event);
    Result<void> commit();
    /// For a new admission and, at most, the event of its lien: written by the next flush.
    void commit_soon(ledger::AdmissionRow row);
    /// The same, written now: slurmctld waits for it.
    Result<void> commit_logged(ledger::AdmissionRow row);
    ledger::Batch batch;

   private:
    [[nodiscard]] ledger::NewAdmission admission_of(ledger::AdmissionRow row) const;
    Books& books_;
    bool committed_ = false;
  };

  /// When an admission was last seen alive; not stored, a restart begins anew.
  struct Sighting {
    bool seen = false;
    UnixTime last_alive = 0;
    UnixTime handed_over_at = 0;  ///< when its origin was last seen to wait for a sibling that has it
    UnixTime asked_at = 0;        ///< the last sweep that had slurmdbd asked for its jobs; 0: none since it was alive
  };

  struct VoucherChoice {
    const Voucher* voucher = nullptr;
    const Programme* programme = nullptr;
    std::optional<Failure> refusal;
  };

  /// A job as slurmctld or slurmdbd shows it, to find the admission that it came of.
  struct JobSeen {
    const std::string& cluster;
    std::uint32_t job_id = 0;
    std::uint32_t array_job_id = 0;
    std::int64_t user_id = 0;
    const std::string& account;
    const std::string& partition;
    UnixTime submit = 0;
    /// One that can be told apart by nothing but what it asks for; true only for a job without a tag.
    bool by_looks = false;
  };

  /// Admissions as a batch of changes leaves them.
  using Working = std::map<std::string, Admission>;

  // books.cpp
  [[nodiscard]] ledger::Event new_event(std::string id, ledger::EventKind kind, const ledger::Actor& actor, UnixTime now) const;
  /// Null: the ledger doesn't hold its text, or none that can be read.
  [[nodiscard]] Result<std::shared_ptr<const tariff::PriceBook>> price_book(const std::string& sha256);
  Result<void> adopt_price_book(Transaction& transaction, std::shared_ptr<const tariff::PriceBook> book);
  /// Takes an admission that is stored over into memory; one that is closed leaves it.
  void put(Admission after);
  void index(const Admission& admission, bool add);
  // `working` is what the batch of the caller has changed already: what it finds must not depend on what
  // else is in it.
  [[nodiscard]] const Admission& current(const std::string& id, const Working& working) const;
  /// The newest open one of a submission; null: none.
  [[nodiscard]] const Admission* open_of_nonce(const std::string& nonce_id, const Working& working = {}) const;
  /// The id of the open admission that `named` stands for: its own, or what nonce_id() gives; else `named`.
  [[nodiscard]] const std::string& resolve(const std::string& named, const Working& working) const;
  [[nodiscard]] std::optional<std::string> match_job(const JobSeen& job, const Working& working, std::string* how) const;
  /// Whether sluice.yaml names the cluster; slurmdbd may serve others too.
  [[nodiscard]] bool is_ours(const std::string& cluster) const;
  [[nodiscard]] std::vector<const Voucher*> fitting_vouchers(const Use& use) const;
  [[nodiscard]] ledger::Object voucher_object(const Voucher& voucher) const;
  [[nodiscard]] ledger::Object proposal_object(const Proposal& proposal) const;

  // admit.cpp
  /// `first`: the component that holds the lien of its heterogeneous job; null: none does.
  [[nodiscard]] VoucherChoice choose_voucher(const AdmissionRequest& request, const Appraisal& appraisal, const Admission* first, UnixTime now);
  /// Sets who pays what of the quote, and returns what a lien must hold; nothing where that can't be computed.
  [[nodiscard]] std::optional<Money> share_quote(Admission& a, const VoucherChoice& choice, std::vector<Failure>& refusals) const;
  [[nodiscard]] std::optional<Failure> check_self_pay(const Admission& admission) const;
  [[nodiscard]] Answer answer_for(const AdmissionRequest& request, const Appraisal& appraisal, const Admission& admission,
                                  const std::vector<Failure>& refusals) const;

  // shared_lien.cpp
  [[nodiscard]] const ledger::Lien* open_lien(const Admission& holder) const;
  /// The admission that holds the lien of `a`: of its heterogeneous job's first component, or itself.
  [[nodiscard]] const Admission& holder_of(const Admission& a) const;
  /// The other open ones that the same lien covers, and what it is to hold for them.
  [[nodiscard]] std::vector<const Admission*> covered_beside(const Admission& a, const Working& working = {}) const;
  [[nodiscard]] Money wanted_beside(const Admission& a, const Working& working = {}) const;
  [[nodiscard]] std::vector<std::string> components_before(const AdmissionRequest& request, UnixTime now) const;
  /// Opens a lien for `a`, or raises the one that `holder` has.
  Result<void> place_lien(Transaction& transaction, Admission& a, Money amount, std::optional<Admission>& holder, UnixTime now);
  Result<void> void_lien(Transaction& transaction, Admission& holder, const ledger::Lien& lien, const std::string& why,
                         const ledger::Actor& actor, UnixTime now);
  Result<void> give_up(const std::vector<std::string>& ids, const std::string& why, UnixTime now);
  /// Takes an admission that is stored as closed out of memory.
  void forget(const std::string& id);

  // modify.cpp
  struct Named;
  struct PricedAgain;
  struct Change;
  [[nodiscard]] Named admissions_of(const ModifyRequest& request) const;
  [[nodiscard]] bool may_change(const Admission& admission, std::uint32_t uid, const std::string& name, const SlurmFacts& facts) const;
  [[nodiscard]] PricedAgain price_again(const Admission& admission, const Terms& terms, tariff::JobRequest job,
                                        const SlurmFacts& facts, UnixTime now);
  Result<Change> change_of(const Admission& before, const ModifyRequest& request, const SlurmFacts& facts, UnixTime now);
  [[nodiscard]] std::vector<Failure> check_change(const Admission& before, const Change& change, const PricedAgain& priced, UnixTime now);
  [[nodiscard]] std::optional<Failure> check_new_self_part(const Admission& before, const Admission& after);
  [[nodiscard]] std::optional<std::string> keep_tag(const Admission& admission, const std::string& comment) const;
  Result<Answer> refuse_change(const std::vector<std::string>& ids, const ModifyRequest& request, const std::string& who,
                               const std::vector<Failure>& refusals);
  Result<std::vector<std::string>> make_changes(const std::vector<std::string>& ids, const std::vector<Change>& changes,
                                                const ledger::Actor& actor, UnixTime now);
  Result<void> make_change(Transaction& transaction, Working& working, const Admission& before, const Change& change,
                           const ledger::Actor& actor, UnixTime now);
  /// Makes the lien as large as `admission` needs it, or as its voucher can have it.
  Result<void> move_lien(Transaction& transaction, Working& working, const Admission& a, bool may_grow, const std::string& why,
                         const ledger::Actor& actor, UnixTime now);
  /// Stores what changed, and takes it into memory.
  Result<void> store(Transaction& transaction, Working& working);
  Result<void> confirm_changes(const slurm::LiveCluster& cluster, UnixTime now);
  Result<void> confirm(const std::string& id, UnixTime asked_at, Made made, UnixTime now);
  Result<void> follow_unasked(const slurm::LiveCluster& cluster, const SlurmFacts& facts, UnixTime now);
  Result<void> follow_one(const Admission& before, const slurm::LiveJob& job, const SlurmFacts& facts, UnixTime now);

  // settle.cpp
  struct ReadRecord;
  struct Settling;
  struct DueRecord {
    const slurm::UsageRecord* record;
    bool again = false;  ///< stored already, without a price
    bool newer = false;  ///< and stored otherwise
    std::string admission{};  ///< that it was found to be of
  };
  Result<SettleCount> settle_records(const std::vector<slurm::UsageRecord>& records, UnixTime now, bool again);
  [[nodiscard]] ReadRecord read_comment(const slurm::UsageRecord& record) const;
  [[nodiscard]] std::vector<ReadRecord> read_some(std::span<const DueRecord> records) const;
  Result<SettleCount> settle_due(std::span<const DueRecord> due, UnixTime now);
  Result<SettleCount> settle_some(std::span<const DueRecord> records, std::span<ReadRecord> read, UnixTime now);
  Result<void> note_trackers(const std::vector<slurm::UsageRecord>& records);

  // settle_record.cpp
  Result<bool> settle_one(Transaction& transaction, Settling& settling);
  [[nodiscard]] std::string believed_id(Settling& settling) const;
  Result<bool> take_admission(Settling& settling, const std::string& named);
  Result<void> find_admission(Settling& settling);
  void find_voucher(Settling& settling);
  Result<bool> find_amount(Settling& settling);
  void find_split(Settling& settling);
  Result<void> post_charge(Transaction& transaction, Settling& settling);
  void close_or_renew(const Settling& settling, Admission& after, Admission& holder, std::vector<ledger::Transfer>& transfers) const;
  [[nodiscard]] ledger::ChargeRow charge_row(const Settling& settling) const;
  Result<void> refund_what_the_rule_says(Transaction& transaction, Settling& settling);
  void add_tag(Transaction& transaction, const Settling& settling) const;

  // sweep.cpp
  /// Lets admissions in between two holds of the lock: one that finds it free waits for nobody.
  static void let_admissions_pass();
  /// What a live job's AdminComment says, as far as it is to be believed.
  struct JobText {
    std::string id;     ///< of an admission; empty: none
    bool bare = false;  ///< no tag of ours
  };
  Result<std::size_t> see_some(std::span<const slurm::LiveJob> jobs, std::span<const JobText> texts, UnixTime now);
  Result<void> see_live_jobs(const slurm::LiveCluster& cluster, UnixTime now);
  /// Tells of jobs that a federation's sibling took over and doesn't hold. Slurm says so to nobody.
  Result<void> tell_of_stranded(const std::set<std::string>& ids);
  struct SweepTimes {
    UnixTime now;
    UnixTime as_of;  ///< of what Slurm said
    std::int64_t patience;
  };
  using Closing = std::map<std::string, std::string>;  ///< id → why
  struct SweepFindings {
    Closing closing{};
    std::set<std::string> stranded{};
    std::map<std::string, std::set<std::uint32_t>> overdue{};  ///< cluster → ids of jobs
  };
  void look_over(const Admission& admission, const SweepTimes& times, SweepFindings& findings);
  /// Of all open ones, some at a time.
  [[nodiscard]] SweepFindings look_over_open(const SweepTimes& times);
  /// Closes some of `closing`, from `next` on, which it moves.
  Result<void> close_some(Closing::const_iterator& next, const Closing& closing, UnixTime now);
  Result<void> close(Transaction& transaction, const Admission& admission, const std::string& why, UnixTime now);

  // proposals.cpp
  /// `what` names the verb and what it is done to: a request id stands for one request of one person.
  Result<nlohmann::json> command(const Caller& caller, const std::string& what, const nlohmann::json& request,
                                 const std::function<Result<nlohmann::json>(Transaction&)>& body);
  Result<nlohmann::json> perform(const std::string& id, const std::string& content,
                                 const std::function<Result<nlohmann::json>(Transaction&)>& body);
  [[nodiscard]] Result<ledger::Actor> require_role(const Caller& caller, std::initializer_list<const char*> roles, UnixTime now) const;
  Result<nlohmann::json> propose(Transaction& transaction, Proposal proposal);
  Result<std::string> execute(Transaction& transaction, const Proposal& proposal, UnixTime now);
  Result<std::string> execute_refund(Transaction& transaction, const nlohmann::json& body, const ledger::Actor& actor,
                                     const ledger::Actor& approver, UnixTime now);
  Result<std::string> execute_revoke(Transaction& transaction, const nlohmann::json& body, const Proposal& proposal, UnixTime now);
  struct RefundCause {
    std::string event_id;
    ledger::Actor actor;
    ledger::Actor approver;
    std::string reason;
  };
  /// Gives `amount` of a charge back, each payer in proportion. Says who got what.
  Result<Parts> post_refund(Transaction& transaction, const ledger::ChargeRow& row, Money amount, const RefundCause& cause, UnixTime now);

  // views.cpp
  // What is to be shown of many is copied under the mutex, and made into text outside.
  struct VoucherShown {
    Voucher voucher;
    Share share;
    ledger::Balance balance;
    Money used;
  };
  struct ProgrammeShown {
    Programme programme;
    Money funded, budget_left, granted, available, used, unclaimed;
  };
  /// Who bears what is left of a charge after refunds.
  struct Borne {
    Money charge, by_voucher, by_self, overrun, refunded;
  };
  [[nodiscard]] bool sees_all(const Caller& caller, UnixTime now) const;
  [[nodiscard]] bool is_member(const Caller& caller, const std::string& account, const SlurmFacts& facts) const;
  [[nodiscard]] bool may_see(const Caller& caller, const std::string& user, const std::string& account,
                             const SlurmFacts& facts, UnixTime now) const;
  [[nodiscard]] nlohmann::json show(const Voucher& voucher) const;
  [[nodiscard]] VoucherShown to_show(const Voucher& voucher) const;
  /// Of all programmes where no id is given.
  [[nodiscard]] std::vector<ProgrammeShown> programmes_to_show(const std::optional<std::string>& id) const;
  [[nodiscard]] static nlohmann::json show(const VoucherShown& shown, const Zone& zone);
  [[nodiscard]] static nlohmann::json show(const ProgrammeShown& shown, const Zone& zone);
  [[nodiscard]] nlohmann::json show(const Proposal& proposal) const;
  [[nodiscard]] Borne borne(const ledger::ChargeRow& row) const;
  [[nodiscard]] static nlohmann::json show(const Borne& borne);

  // view_job.cpp
  Result<std::vector<ledger::ChargeRow>> rows_of(const JobName& name, const std::optional<std::string>& cluster);
  [[nodiscard]] std::optional<Admission> stored_admission(const std::string& id);
  [[nodiscard]] nlohmann::json price_book_name(const std::string& sha256);
  [[nodiscard]] nlohmann::json explain_lien(const Admission& admission);
  [[nodiscard]] nlohmann::json explain_admission(const Admission& admission);
  [[nodiscard]] nlohmann::json explain_charge(const ledger::ChargeRow& row, const nlohmann::json& record, const nlohmann::json& how);

  ledger::Storage& storage_;
  const std::string mac_key_;

  mutable Mutex mutex_;  ///< guards all below
  std::shared_ptr<const Config> config_;
  ledger::Ledger ledger_;
  std::map<std::string, Programme> programmes_;
  std::map<std::string, Voucher> vouchers_;
  std::map<std::string, Proposal> proposals_;
  std::unordered_map<std::string, Admission> open_;
  /// nonce_id() → ids in open_: several where a machine died between the end of one and the next.
  std::unordered_multimap<std::string, std::string> open_of_nonce_;
  std::unordered_multimap<std::uint32_t, std::string> open_of_job_;         ///< job id → ids in open_
  std::unordered_multimap<std::string, std::string> open_with_;             ///< Admission::lien_with → ids in open_
  std::unordered_map<std::int64_t, std::unordered_set<std::string>> unseen_of_user_;  ///< user id → ids in open_ without a job yet
  std::set<std::string> changing_;                                          ///< ids in open_ with a change that Slurm may not have made
  std::unordered_map<std::string, Sighting> sightings_;
  std::map<std::string, Money> open_self_quotes_;  ///< account → what open admissions may still cost it
  std::map<std::string, nlohmann::json> refunds_;  ///< charge key → what was taken back
  std::map<std::string, std::shared_ptr<const tariff::PriceBook>> books_by_hash_;
  std::shared_ptr<const tariff::PriceBook> prices_;
  UnixTime since_ = 0;
  UnixTime collected_to_ = 0;
  UnixTime loaded_at_ = 0;

  LiveJobs live_;  ///< as the last sweep brought them; has a mutex of its own
  /// Makes a lost update in settling impossible without holding mutex_ over a whole batch.
  std::mutex settling_;
};

}  // namespace sluice::service

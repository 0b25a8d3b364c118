// SPDX-License-Identifier: Apache-2.0

#include "accounting/service/service.hpp"

#include <pwd.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "accounting/core/thread.hpp"
#include "accounting/core/yaml_reader.hpp"
#include "accounting/ledger/storage/sqlite_storage.hpp"
#include "accounting/service/books.hpp"
#include "accounting/service/collector.hpp"
#include "accounting/service/control.hpp"
#include "accounting/service/data_files.hpp"
#include "accounting/service/doctor.hpp"
#include "accounting/service/metrics.hpp"
#include "accounting/service/public_api.hpp"
#include "accounting/service/version.hpp"
#include "accounting/slurm/child_reader.hpp"

namespace sluice::service {
namespace {

constexpr auto flush_pause = std::chrono::milliseconds(10);
constexpr auto sync_pause = std::chrono::milliseconds(100);
constexpr std::int64_t inventory_wait_milliseconds = 5000;

/// What can be replaced while the service runs.
class Current {
 public:
  [[nodiscard]] std::shared_ptr<const Config> config() const { return std::atomic_load(&config_); }
  [[nodiscard]] std::shared_ptr<const tariff::PriceBook> prices() const { return std::atomic_load(&prices_); }
  void set(std::shared_ptr<const Config> config) { std::atomic_store(&config_, std::move(config)); }
  void set(std::shared_ptr<const tariff::PriceBook> prices) { std::atomic_store(&prices_, std::move(prices)); }

 private:
  std::shared_ptr<const Config> config_;
  std::shared_ptr<const tariff::PriceBook> prices_;
};

struct Loaded {
  Config config;
  std::string text;
  std::string alarm;  ///< not empty: the last good text is used instead of the file
};

/// The file, or where it is bad the last text that was good.
Result<Loaded> load_or_last_good(const std::string& file) {
  const auto text = load_text(file);
  auto config = text.ok() ? parse_config(file, *text) : Result<Config>{text.failure()};
  if (config.ok()) return Loaded{std::move(*config), *text, {}};
  const auto last = last_good(Config{}.data_dir, file);
  if (!last.ok()) return config.failure();
  auto old = parse_config(file, *last);
  if (!old.ok()) return config.failure();
  return Loaded{std::move(*old), *last, config.failure().text};
}

std::set<uid_t> uids_of(const std::vector<std::string>& users) {
  std::set<uid_t> uids;
  for (const auto& user : users) {
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry != nullptr) {
      uids.insert(entry->pw_uid);
    } else {
      spdlog::warn("control_users: there is no user {} on this host", user);
    }
  }
  return uids;
}

std::string helper_path(const Config& config) {
  if (!config.collector.helper.empty()) return config.collector.helper;
  std::error_code problem;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", problem);
  const auto beside = self.parent_path() / "sluice-slurmdb";
  return !problem && ::access(beside.c_str(), X_OK) == 0 ? beside.string() : installed_helper;
}

std::unique_ptr<slurm::Reader> make_reader(const Config& config) {
  slurm::ChildReaderOptions options;
  options.command = {helper_path(config)};
  options.call_timeout = std::chrono::seconds(config.collector.timeout_seconds);
  options.log = [](const std::string& line) { spdlog::info("slurm: {}", line); };
  return std::make_unique<slurm::ChildReader>(std::move(options));
}

ledger::Actor file_author(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return {-1, "unknown"};
  const passwd* entry = ::getpwuid(status.st_uid);
  return {static_cast<std::int64_t>(status.st_uid), entry != nullptr ? entry->pw_name : std::to_string(status.st_uid)};
}

class Service {
 public:
  explicit Service(std::string file) : file_(std::move(file)) {}

  Result<void> start();
  void reload();
  void stop();

 private:
  Result<void> open_ledger(const Config& config);
  Result<void> load_prices(const Config& config);
  Result<void> listen(const Config& config);
  void listen_for_metrics(const Config& config);
  void keep_admissions();
  void follow_answers(const char* what, std::chrono::milliseconds pause, const std::function<Result<void>()>& write);
  void keep(const std::string& good) const;

  std::string file_;
  std::string key_;
  Current current_;
  SlurmFacts facts_;
  Health health_;
  PluginWatch plugin_;
  std::unique_ptr<ledger::Storage> storage_;
  std::unique_ptr<Books> books_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<Control> control_;
  std::unique_ptr<DiskUse> disk_;
  std::unique_ptr<Doctor> doctor_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<PublicApi> public_;
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<PacketListener> control_listener_;
  std::unique_ptr<HttpListener> public_listener_;
  std::unique_ptr<HttpListener> metrics_listener_;
  std::atomic<bool> stopping_{false};
  std::thread flushing_;
  std::thread syncing_;
};

Result<void> Service::start() {
  auto loaded = load_or_last_good(file_);
  if (!loaded.ok()) return loaded.failure();
  const UnixTime now = clock_now();
  if (loaded->alarm.empty()) {
    health_.succeeded("configuration", now);
  } else {
    spdlog::error("the configuration is bad, the last good one is used: {}", loaded->alarm);
    health_.failed("configuration", "the last good one is used: " + loaded->alarm, now);
  }
  const auto config = std::make_shared<const Config>(std::move(loaded->config));
  current_.set(config);
  if (::access(config->data_dir.c_str(), W_OK) != 0) {
    return fault("data_dir " + config->data_dir + " can't be written: " + std::strerror(errno));
  }
  if (loaded->alarm.empty()) keep(loaded->text);
  auto key = tag_key(config->data_dir);
  if (!key.ok()) return key.failure();
  key_ = std::move(*key);
  if (config->role == ServiceRole::home) {
    const auto opened = open_ledger(*config);
    if (!opened.ok()) return opened;
  }
  const auto priced = load_prices(*config);
  if (!priced.ok()) {
    spdlog::error("price book: {}", priced.failure().text);
    health_.failed("price book", priced.failure().text, now);
    if (books_ != nullptr && books_->prices() == nullptr) return priced;
  }
  return listen(*config);
}

void Service::keep(const std::string& good) const {
  const auto kept = keep_last_good(Config{}.data_dir, file_, good);
  if (!kept.ok()) spdlog::warn("a bad configuration would keep the service from starting: {}", kept.failure().text);
}

Result<void> Service::open_ledger(const Config& config) {
  auto storage = ledger::open_sqlite(config.data_dir + "/ledger.db");
  if (!storage.ok()) return storage.failure();
  storage_ = std::move(*storage);
  books_ = std::make_unique<Books>(*storage_, key_);
  books_->set_config(current_.config());
  return books_->load(clock_now());
}

Result<void> Service::load_prices(const Config& config) {
  const auto text = load_text(config.price_book);
  if (!text.ok()) return text.failure();
  if (books_ != nullptr) {
    const auto said = books_->offer_price_book(config.price_book, *text, file_author(config.price_book), clock_now());
    if (!said.ok()) return said.failure();
    spdlog::info("{}", *said);
  } else {
    auto book = tariff::parse_price_book(config.price_book, *text);
    if (!book.ok()) return book.failure();
    current_.set(std::make_shared<const tariff::PriceBook>(std::move(*book)));
  }
  health_.succeeded("price book", clock_now());
  return {};
}

Result<void> Service::listen(const Config& config) {
  const auto get_config = [this] { return current_.config(); };
  authenticator_ = make_munge_authenticator(::geteuid());
  control_ = std::make_unique<Control>(Control::Parts{
      facts_, plugin_, books_.get(), get_config, [this] { return current_.prices(); }, key_});
  const auto wake = [this] {
    if (collector_ != nullptr) collector_->wake();
  };
  const auto look = [this] { return collector_ != nullptr && collector_->look(); };
  disk_ = std::make_unique<DiskUse>(config.data_dir);
  const Watched watched{facts_, health_, plugin_, *disk_, *control_, books_.get(), get_config, clock_now()};
  doctor_ = std::make_unique<Doctor>(watched);
  metrics_ = std::make_unique<Metrics>(watched);
  public_ = std::make_unique<PublicApi>(PublicApi::Parts{facts_, health_, *authenticator_, *doctor_, books_.get(), get_config, wake, look});
  const bool tags = books_ != nullptr && config.final_tag != Config::FinalTag::off;
  Collector::Parts parts{facts_, health_, books_.get(), get_config, make_reader(config), tags ? make_reader(config) : nullptr};
  parts.disk = disk_.get();
  collector_ = std::make_unique<Collector>(std::move(parts));

  const auto tcp = listen_tcp(config.listen);
  if (!tcp.ok()) return tcp.failure();
  HttpLimits limits;
  limits.threads = 4;
  auto public_listener = HttpListener::start(*tcp, limits, [this](const HttpRequest& request) { return public_->handle(request); });
  if (!public_listener.ok()) return public_listener.failure();
  public_listener_ = std::move(*public_listener);
  listen_for_metrics(config);

  // Without Slurm's partitions nothing can be priced; where they can't be had soon,
  // jobs are let in unpriced.
  if (!collector_->wait_for_inventory(inventory_wait_milliseconds)) spdlog::warn("Slurm's partitions have not been read yet; jobs are admitted unpriced until they are");
  const std::set<uid_t> peers = uids_of(config.control_users);
  const auto control = listen_packets(config.control_socket, peers);
  if (!control.ok()) return control.failure();
  auto control_listener =
      PacketListener::start(*control, peers, {}, [this](std::string_view request, const PacketListener::Reply& reply) { control_->answer(request, reply); });
  if (!control_listener.ok()) return control_listener.failure();
  control_listener_ = std::move(*control_listener);
  if (storage_ != nullptr) keep_admissions();
  spdlog::info("sluiced {} serves cluster {} as {}", version, config.cluster, config.role == ServiceRole::home ? "home" : "site");
  return {};
}

/// Nobody's job waits for a figure: where that port can't be had, only doctor says so.
void Service::listen_for_metrics(const Config& config) {
  if (config.metrics_listen.empty()) return;
  const auto serve = [&]() -> Result<std::unique_ptr<HttpListener>> {
    const auto tcp = listen_tcp(config.metrics_listen);
    if (!tcp.ok()) return tcp.failure();
    HttpLimits limits;
    limits.connections_max = 16;
    return HttpListener::start(*tcp, limits, [this](const HttpRequest& request) { return metrics_->handle(request); });
  };
  auto listener = serve();
  if (listener.ok()) {
    metrics_listener_ = std::move(*listener);
    health_.succeeded("metrics", clock_now());
  } else {
    spdlog::error("metrics_listen: {}", listener.failure().text);
    health_.failed("metrics", listener.failure().text + "; correct metrics_listen and restart sluiced", clock_now());
  }
}

/// Has `write` follow what was answered, `pause` behind it.
void Service::follow_answers(const char* what, std::chrono::milliseconds pause, const std::function<Result<void>()>& write) {
  std::uint64_t written = 0;
  while (!stopping_) {
    const std::uint64_t answered = control_->wait_for_answers(written);
    std::this_thread::sleep_for(pause);
    const auto outcome = write();
    if (outcome.ok()) {
      health_.succeeded(what, clock_now());
      written = answered;
      continue;
    }
    if (health_.failed(what, outcome.failure().text, clock_now())) spdlog::error("{}", outcome.failure().text);
    std::this_thread::sleep_for(sync_pause);
  }
}

/// An admission is in memory when it is answered, a moment later written down, and soon on the disk. Each
/// on a thread of its own: nobody's answer waits for them, nor does the one wait for the other.
void Service::keep_admissions() {
  flushing_ = std::thread([this] {
    name_thread("admission log");
    follow_answers("admission log", flush_pause, [this]() -> Result<void> {
      const auto flushed = books_->flush();
      return flushed.ok() ? flushed : fault(flushed.failure().text + "; submissions go by the plugin's policy until that works");
    });
  });
  syncing_ = std::thread([this] {
    name_thread("disk sync");
    follow_answers("disk sync", sync_pause, [this] { return storage_->sync(); });
  });
}

void Service::reload() {
  const UnixTime now = clock_now();
  const auto text = load_text(file_);
  auto fresh = text.ok() ? parse_config(file_, *text) : Result<Config>{text.failure()};
  if (!fresh.ok()) {
    spdlog::error("reload refused, the old configuration stays: {}", fresh.failure().text);
    health_.failed("configuration", "reload refused: " + fresh.failure().text, now);
    return;
  }
  const auto old = current_.config();
  if (const std::string fixed = fixed_until_restart(*old, *fresh); !fixed.empty()) {
    const std::string why = "a change of " + fixed + " needs a restart";
    spdlog::error("reload refused, the old configuration stays: {}", why);
    health_.failed("configuration", "reload refused: " + why, now);
    return;
  }
  const auto priced = load_prices(*fresh);
  if (!priced.ok()) {
    spdlog::error("reload refused, the old configuration stays: {}", priced.failure().text);
    health_.failed("configuration", "reload refused: " + priced.failure().text, now);
    return;
  }
  keep(*text);
  const auto config = std::make_shared<const Config>(std::move(*fresh));
  current_.set(config);
  if (books_ != nullptr) books_->set_config(config);
  health_.succeeded("configuration", now);
  spdlog::info("reloaded {}", file_);
  collector_->wake();
}

void Service::stop() {
  // No new work first, then what runs, then the disk. The path goes before its listener, so
  // that it is never that of a service which has started meanwhile, or was there before.
  if (control_listener_ != nullptr) ::unlink(current_.config()->control_socket.c_str());
  control_listener_.reset();
  public_listener_.reset();
  metrics_listener_.reset();
  stopping_ = true;
  if (control_ != nullptr) control_->stop_waiting();
  for (std::thread* one : {&flushing_, &syncing_}) {
    if (one->joinable()) one->join();
  }
  collector_.reset();
  if (storage_ != nullptr) {
    const auto synced = storage_->sync();
    if (!synced.ok()) spdlog::error("{}", synced.failure().text);
  }
}

}  // namespace

int run_service(const std::string& file) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("sluiced"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S%z %l %v");
  spdlog::flush_on(spdlog::level::info);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int one : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, one);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread, so that all inherit it

  Service service(file);
  const auto started = service.start();
  if (!started.ok()) {
    spdlog::critical("couldn't start: {}", started.failure().text);
    service.stop();
    return 1;
  }
  for (;;) {
    int received = 0;
    if (sigwait(&signals, &received) != 0) continue;
    if (received == SIGHUP) {
      service.reload();
      continue;
    }
    spdlog::info("stopping");
    service.stop();
    return 0;
  }
}

int check_configuration(const std::string& file) {
  const auto config = load_config(file);
  if (!config.ok()) {
    std::fprintf(stderr, "sluiced: check: couldn't use %s: %s\n", file.c_str(), config.failure().text.c_str());
    return 1;
  }
  const auto text = load_text(config->price_book);
  const auto book = text.ok() ? tariff::parse_price_book(config->price_book, *text) : Result<tariff::PriceBook>{text.failure()};
  if (!book.ok()) {
    std::fprintf(stderr, "sluiced: check: couldn't use the price book: %s\n", book.failure().text.c_str());
    return 1;
  }
  std::printf("%s: role %s, cluster %s, mode %s; price book %s: ok\n", file.c_str(),
              config->role == ServiceRole::home ? "home" : "site", config->cluster.c_str(), name_of(config->mode), book->name().c_str());
  return 0;
}

}  // namespace sluice::service

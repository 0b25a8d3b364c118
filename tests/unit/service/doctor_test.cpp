// SPDX-License-Identifier: Apache-2.0
//
// Goal: the page says what there is, and fails for what doesn't work. Method: real sockets, one
// of them another process's, and books of a test.

#include "accounting/service/doctor.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "accounting/service/packet_listener.hpp"
#include "tests/scenarios/world.hpp"

namespace sluice::service {
namespace {

using test::World;

std::unique_ptr<PacketListener> listener_at(const std::string& path, std::set<uid_t> peers) {
  const auto socket = listen_packets(path, peers);
  if (!socket.ok()) throw std::runtime_error(socket.failure().text);
  return std::move(PacketListener::start(*socket, std::move(peers), {}, [](std::string_view, const PacketListener::Reply& reply) { reply({}); })).value();
}

TEST(ProbeControlSocket, KnowsItsOwn) {
  const test::Folder folder;
  const std::string path = folder.path() + "/control.sock";
  EXPECT_NE(probe_control_socket(path).failure().text.find("No such file"), std::string::npos);
  {
    const auto ours = listener_at(path, {::geteuid()});
    EXPECT_TRUE(probe_control_socket(path).ok());
  }
  {
    const auto not_for_us = listener_at(path, {::geteuid() + 1});
    EXPECT_TRUE(probe_control_socket(path).ok()) << "being told so is an answer too";
  }
  EXPECT_NE(probe_control_socket(path).failure().text.find("Connection refused"), std::string::npos);
}

TEST(ProbeControlSocket, KnowsAnothersFromIt) {
  const test::Folder folder;
  const std::string path = folder.path() + "/control.sock";
  const int fd = ::socket(AF_UNIX, SOCK_SEQPACKET, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t other = ::fork();
  if (other == 0) {
    ::listen(fd, 1);
    (void)!::write(ready[1], "x", 1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_NE(probe_control_socket(path).failure().text.find("process " + std::to_string(other) + " listens there instead"), std::string::npos);
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  for (const int one : {fd, ready[0], ready[1]}) ::close(one);
}

TEST(Doctor, FailsForWhatDoesNotWorkAndWarnsForTheRest) {
  World world;
  const test::Folder folder;
  auto config = std::make_shared<Config>(*world.books().config());
  config->control_socket = folder.path() + "/control.sock";
  config->data_dir = folder.path();
  const std::string plugin_conf = folder.path() + "/plugin.conf";
  std::ofstream(plugin_conf) << "socket = " << config->control_socket << "\nlocal_feature = local\n";
  ::setenv("SLUICE_PLUGIN_CONF", plugin_conf.c_str(), 1);
  Health health;
  PluginWatch plugin;
  DiskUse disk(folder.path());
  const auto get_config = [&]() -> std::shared_ptr<const Config> { return config; };
  Control control({world.facts(), plugin, &world.books(), get_config, [] { return nullptr; }, "key"});
  const Doctor doctor({world.facts(), health, plugin, disk, control, &world.books(), get_config, world.now});
  const auto state = [](const nlohmann::json& report, const std::string& name) -> std::string {
    for (const auto& check : report.at("checks")) {
      if (check.at("name") == name) return check.at("state");
    }
    return "absent";
  };
  const auto listener = listener_at(config->control_socket, {::geteuid()});
  health.succeeded("collect", world.now);
  health.failed("prices", "2 finished jobs have no price", world.now);
  const auto well = doctor.report(world.now);
  EXPECT_EQ(well.at("ok"), true) << well.dump(1);
  EXPECT_EQ(state(well, "control socket"), "ok");
  EXPECT_EQ(state(well, "prices"), "warn");
  EXPECT_EQ(state(well, "Slurm"), "warn") << "it has not been asked";

  slurm::Diagnosis diagnosis;
  diagnosis.job_submit_plugins = "sluice";
  diagnosis.storage_type = "accounting_storage/slurmdbd";
  diagnosis.storage_tres = "gres/gpu";
  diagnosis.state_folder = folder.path();
  diagnosis.purge_jobs_after = "NONE";
  world.facts().set(diagnosis);
  const auto asked = doctor.report(world.now);
  EXPECT_EQ(asked.at("ok"), true) << asked.dump(1);
  for (const char* name : {"JobSubmitPlugins", "slurmdbd queue", "clock", "PurgeJobAfter"}) EXPECT_EQ(state(asked, name), "ok") << name;
  EXPECT_EQ(state(asked, "Slurm"), "absent");

  ::unsetenv("SLUICE_PLUGIN_CONF");
  health.failed("collect", "slurmdbd is away", world.now);
  EXPECT_EQ(doctor.report(world.now).at("ok"), false);
}

}  // namespace
}  // namespace sluice::service

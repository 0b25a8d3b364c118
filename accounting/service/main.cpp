// SPDX-License-Identifier: Apache-2.0
//
// sluiced: the service beside slurmctld.

#include <CLI/CLI.hpp>
#include <cstdio>

#include "accounting/service/preflight.hpp"
#include "accounting/service/service.hpp"
#include "accounting/service/version.hpp"

int main(int argc, char** argv) {
  CLI::App app{"sluiced: the service that admits, charges and accounts Slurm jobs"};
  std::string file = "/etc/sluice/sluice.yaml";
  bool check = false;
  bool preflight = false;
  app.add_option("--config", file, "The configuration (default " + file + ")");
  app.add_flag("--check", check, "Read the configuration and its price book, say what is wrong, and end");
  app.add_flag("--preflight", preflight, "Say as JSON whether this program could take over from the one that runs, and end");
  app.set_version_flag("--version", std::string("sluiced ") + sluice::service::version);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& problem) {
    std::fprintf(stderr, "sluiced: %s; see: sluiced --help\n", problem.what());
    return 2;
  }
  if (preflight) return sluice::service::print_preflight(file);
  return check ? sluice::service::check_configuration(file) : sluice::service::run_service(file);
}

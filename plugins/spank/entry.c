/* SPDX-License-Identifier: Apache-2.0
 *
 * The symbols that Slurm looks up in spank_sluice.so. They are C because spank.h
 * declares its callbacks outside extern "C"; exports.map names them and hides the rest.
 */
#include <stdint.h>

#include "plugins/slurm_abi/slurm_headers.h"
#include "plugins/spank/hooks.h"

#define SLUICE_EXPORT __attribute__((visibility("default")))

extern const char plugin_name[];
extern const char plugin_type[];
extern const unsigned int plugin_version;
extern const unsigned int spank_plugin_version;

/* Part of the names under which options travel: _SLURM_SPANK_OPTION_sluice_<option>. */
SLUICE_EXPORT const char plugin_name[] = "sluice";
SLUICE_EXPORT const char plugin_type[] = "spank";
SLUICE_EXPORT const unsigned int plugin_version = SLURM_VERSION_NUMBER;
SLUICE_EXPORT const unsigned int spank_plugin_version = 1;

#if SLUICE_HAS_INIT_FAILURE_MODE
/* Slurm's default drains the node. */
extern int slurm_spank_init_failure_mode;
SLUICE_EXPORT int slurm_spank_init_failure_mode = ESPANK_JOB_FAILURE;
#endif

SLUICE_EXPORT int slurm_spank_init(spank_t spank, int argc, char *argv[])
{
	(void) argc;
	(void) argv;
	return sluice_spank_init(spank);
}

SLUICE_EXPORT int slurm_spank_init_post_opt(spank_t spank, int argc, char *argv[])
{
	(void) argc;
	(void) argv;
	return sluice_spank_init_post_opt(spank);
}

SLUICE_EXPORT int slurm_spank_exit(spank_t spank, int argc, char *argv[])
{
	(void) argc;
	(void) argv;
	return sluice_spank_exit(spank);
}

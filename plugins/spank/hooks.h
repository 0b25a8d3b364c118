/* SPDX-License-Identifier: Apache-2.0
 *
 * The hooks behind the exported symbols, for C and C++. Slurm's handle passes as
 * void *: no header of Slurm is due on the C++ side. Nothing throws.
 */
#ifndef SLUICE_SPANK_HOOKS_H
#define SLUICE_SPANK_HOOKS_H

#ifdef __cplusplus
extern "C" {
#endif

int sluice_spank_init(void *spank);
int sluice_spank_init_post_opt(void *spank);
int sluice_spank_exit(void *spank);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * Slurm's public headers, for C and C++, with what differs between versions said
 * once as SLUICE_* macros. Nothing else in the project includes <slurm/...>.
 */
#ifndef SLUICE_SLURM_HEADERS_H
#define SLUICE_SLURM_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* spank.h declares its callbacks before its own extern "C", hence ours around all. */
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <slurm/slurm_version.h>
#include <slurm/spank.h>

/* Exported by every daemon and command, declared in no public header. Whatever is
 * put into a descriptor is freed with slurm_xfree, so it must come from here. */
char *slurm_xstrdup(const char *text);
void slurm_xfree(void **item);

#ifdef __cplusplus
}
#endif

/* 22.05 calls job_modify with three arguments, 23.02 and later with four: in 22.05 a fourth would
 * be register garbage, and writing through it would corrupt slurmctld. A plugin loads into the
 * version alone that it was built for, so its headers say which it is. */
#define SLUICE_JOB_MODIFY_HAS_ERR_MSG (SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(23, 2, 0))

/* From 26.05 on job_desc_msg_t holds step_id (slurm_step_id_t) instead of job_id. */
#define SLUICE_JOB_DESC_HAS_STEP_ID (SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0))

/* From 26.05 on a plugin says what happens when its slurm_spank_init fails. */
#define SLUICE_HAS_INIT_FAILURE_MODE (SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0))

#endif

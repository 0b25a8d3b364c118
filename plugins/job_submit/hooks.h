/* SPDX-License-Identifier: Apache-2.0
 *
 * The hooks behind the exported symbols, for C and C++. Slurm's descriptor passes
 * as void *: no header of Slurm is due on the C++ side. Nothing throws.
 */
#ifndef SLUICE_JOB_SUBMIT_HOOKS_H
#define SLUICE_JOB_SUBMIT_HOOKS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

int sluice_job_submit_init(void);
int sluice_job_submit_fini(void);
int sluice_job_submit_submit(void *job_desc_msg, uint32_t submit_uid, char **err_msg);
/* `record` is looked at by its address alone; `err_msg` is NULL where Slurm has none. */
int sluice_job_submit_modify(void *job_desc_msg, const void *record, uint32_t submit_uid, char **err_msg);

#ifdef __cplusplus
}
#endif

#endif

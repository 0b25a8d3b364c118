/* SPDX-License-Identifier: Apache-2.0
 *
 * The symbols that slurmctld looks up in job_submit_sluice.so. They are C because
 * Slurm's headers lose their linkage in C++; exports.map names them and hides the rest.
 */
#include "plugins/job_submit/hooks.h"
#include "plugins/slurm_abi/slurm_headers.h"

#define SLUICE_EXPORT __attribute__((visibility("default")))

/* Declared first: no public header of Slurm declares them. */
extern const char plugin_name[];
extern const char plugin_type[];
extern const uint32_t plugin_version;
int init(void);
int fini(void);
int job_submit(job_desc_msg_t *job_desc, uint32_t submit_uid, char **err_msg);

SLUICE_EXPORT const char plugin_name[] = "Sluice: quotes, liens and placement at submission";
SLUICE_EXPORT const char plugin_type[] = "job_submit/sluice";
SLUICE_EXPORT const uint32_t plugin_version = SLURM_VERSION_NUMBER;

SLUICE_EXPORT int init(void)
{
	return sluice_job_submit_init();
}

SLUICE_EXPORT int fini(void)
{
	return sluice_job_submit_fini();
}

SLUICE_EXPORT int job_submit(job_desc_msg_t *job_desc, uint32_t submit_uid, char **err_msg)
{
	return sluice_job_submit_submit(job_desc, submit_uid, err_msg);
}

#if SLUICE_JOB_MODIFY_HAS_ERR_MSG
int job_modify(job_desc_msg_t *job_desc, void *job, uint32_t submit_uid, char **err_msg);

SLUICE_EXPORT int job_modify(job_desc_msg_t *job_desc, void *job, uint32_t submit_uid, char **err_msg)
{
	return sluice_job_submit_modify(job_desc, job, submit_uid, err_msg);
}
#else
int job_modify(job_desc_msg_t *job_desc, void *job, uint32_t submit_uid);

SLUICE_EXPORT int job_modify(job_desc_msg_t *job_desc, void *job, uint32_t submit_uid)
{
	return sluice_job_submit_modify(job_desc, job, submit_uid, NULL);
}
#endif

// SPDX-License-Identifier: Apache-2.0
//
// One function per verb; each is in the file named after its first word.

#pragma once

#include "accounting/cli/invocation.hpp"

namespace sluice::cli {

Exit run_balance(Invocation& call);
Exit run_quote(Invocation& call);
Exit run_explain(Invocation& call);
Exit run_statement(Invocation& call);
Exit run_refund(Invocation& call);
Exit run_programme_create(Invocation& call);
Exit run_programme_show(Invocation& call);
Exit run_programme_list(Invocation& call);
Exit run_programme_fund(Invocation& call);
Exit run_voucher_issue(Invocation& call);
Exit run_voucher_show(Invocation& call);
Exit run_voucher_list(Invocation& call);
Exit run_voucher_suspend(Invocation& call);
Exit run_voucher_resume(Invocation& call);
Exit run_voucher_revoke(Invocation& call);
Exit run_approve(Invocation& call);
Exit run_ledger_verify(Invocation& call);
Exit run_doctor(Invocation& call);
Exit run_version(Invocation& call);

}  // namespace sluice::cli
